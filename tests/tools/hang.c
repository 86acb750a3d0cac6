// Does nothing, until it is killed: takes the place of a program that something is expected of.
#include <unistd.h>

int main(void)
{
    for (;;)
        pause();
}
