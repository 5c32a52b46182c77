// Numbers that no current kernel has a call for.
// expect: 18 of 18
// expect: ok
#include "common.h"

int main(void) {
  static const int numbers[] = {156, 174, 177, 178, 180, 181, 182, 183, 184,
                                185, 205, 211, 212, 214, 215, 236, 337, 423};
  int absent = 0;
  const int count = sizeof numbers / sizeof *numbers;
  for (int i = 0; i < count; i++) {
    errno = 0;
    absent += syscall(numbers[i], 0, 0, 0, 0, 0, 0) == -1 && errno == ENOSYS;
  }
  printf("%d of %d\n", absent, count);
  return done();
}
