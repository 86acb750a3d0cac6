// Does nothing until it is killed. It stands for a program that should do something.
#include <unistd.h>

int main(void)
{
    for (;;)
        pause();
}
