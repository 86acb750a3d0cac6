// Does nothing, until it is killed: a program in the place of another, of which something is expected.
#include <unistd.h>

int main(void)
{
    for (;;)
        pause();
}
