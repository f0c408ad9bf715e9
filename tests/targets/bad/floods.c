/* Prints 100 MB, which nobody wants to keep. */
#include <stdio.h>
#include <string.h>

int main(void)
{
    char line[1000];

    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\n';
    for (int i = 0; i < 100000; i++) {
        if (fwrite(line, 1, sizeof line, stdout) != sizeof line)
            return 1;
    }
    return 0;
}
