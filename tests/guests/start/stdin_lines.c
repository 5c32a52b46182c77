// Reads standard input to its end.
// stdin: first line
// stdin: second line, longer than the first
// stdin: 12 34
#include "common.h"

int main(void) {
  char line[256];
  int lines = 0;
  while (fgets(line, sizeof line, stdin)) printf("%d:%zu:%s", ++lines, strlen(line), line);
  CHECK_EQ(lines, 3);
  CHECK(feof(stdin));
  CHECK_EQ(read(0, line, 1), 0);
  return done();
}
