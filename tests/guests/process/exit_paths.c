// exit runs atexit handlers in reverse order, on_exit gets the status, streams are flushed, and a handler
// may have the last word about the status.
// status: 44
#include "common.h"

static void third(void) {
  puts("third");
  fflush(stdout);
  _exit(44);
}
static void second(void) { printf("second, "); }
static void first(int status, void* argument) { printf("first %d %s, ", status, (char*)argument); }

int main(void) {
  atexit(third);
  atexit(second);
  on_exit(first, "argument");
  exit(5 + 256);
}
