#ifndef XSG_TESTS_RUNTIME_SHARED_H
#define XSG_TESTS_RUNTIME_SHARED_H

void other_file(long n);    /* a second translation unit that includes the header */
int open_descriptors(void); /* how many are open now */

#endif
