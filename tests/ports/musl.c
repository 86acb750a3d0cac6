/* What Debian's libmnl.so and libcrypto.a want of glibc, and musl hasn't. They call these functions
 * to print messages for a developer, to run tasks of libcrypto's own, and with lengths that the
 * compiler couldn't check. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

enum {
    WORD_BITS = 8 * sizeof(long),
};

void *__memcpy_chk(void *to, const void *from, size_t size, size_t room);
void *__memset_chk(void *to, int value, size_t size, size_t room);
long __fdelt_chk(long descriptor);
int __fprintf_chk(FILE *file, int flag, const char *format, ...);
int __vfprintf_chk(FILE *file, int flag, const char *format, va_list arguments);
const unsigned short **__ctype_b_loc(void);

void *__memcpy_chk(void *to, const void *from, size_t size, size_t room)
{
    if (size > room)
        __builtin_trap();
    return memcpy(to, from, size);
}

void *__memset_chk(void *to, int value, size_t size, size_t room)
{
    if (size > room)
        __builtin_trap();
    return memset(to, value, size);
}

long __fdelt_chk(long descriptor)
{
    return descriptor / WORD_BITS;
}

int __vfprintf_chk(FILE *file, int flag, const char *format, va_list arguments)
{
    (void)flag;
    return vfprintf(file, format, arguments);
}

int __fprintf_chk(FILE *file, int flag, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = __vfprintf_chk(file, flag, format, arguments);
    va_end(arguments);
    return length;
}

const unsigned short **__ctype_b_loc(void)
{
    __builtin_trap();
}

int getcontext(ucontext_t *context)
{
    (void)context;
    return -1;
}

int setcontext(const ucontext_t *context)
{
    (void)context;
    return -1;
}

void makecontext(ucontext_t *context, void (*function)(void), int count, ...)
{
    (void)context;
    (void)function;
    (void)count;
}
