// Arguments of every kind and the environment, as the program sees them.
// args: "" "with space" 'quote"d' -- --verify --help -x "$HOME" "*" ünïcode
#include "common.h"

extern char** environ;

int main(int argc, char** argv) {
  for (int i = 1; i < argc; i++) printf("[%s]\n", argv[i]);
  CHECK(argv[argc] == NULL);
  for (char** e = environ; *e; e++)
    if (strncmp(*e, "TMPDIR=", 7) != 0) puts(*e);
  CHECK(getenv("LD_PRELOAD") == NULL);
  // The strings lie one after the other, as the kernel lays them out.
  for (int i = 0; i + 1 < argc; i++) CHECK(argv[i] + strlen(argv[i]) + 1 == argv[i + 1]);
  CHECK(argv[argc - 1] + strlen(argv[argc - 1]) + 1 == environ[0]);
  CHECK(strrchr(program_invocation_name, '/') != NULL);
  return done();
}
