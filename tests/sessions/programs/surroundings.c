/* Prints what it was started with. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
  char folder[4096], line[64] = "";
  for (int i = 1; i < argc; i++) printf("arg %s\n", argv[i]);
  printf("COLOUR %s\n", getenv("COLOUR") ? getenv("COLOUR") : "none");
  printf("in %s\n", getcwd(folder, sizeof folder));
  if (!isatty(0) && fgets(line, sizeof line, stdin)) printf("read %s", line);
  return 0;
}
