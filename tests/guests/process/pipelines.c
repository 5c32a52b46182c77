// Shells and what they start: pipelines by popen() and system(), nested, with redirections, here-documents, background
// jobs, traps and substitutions; at the end the program itself becomes a pipeline.
#include "common.h"

static void run(const char* command, int status) {
  fflush(stdout);
  const int got = system(command);
  CHECK_EQ(WEXITSTATUS(got), status);
}

static void from(const char* command) {
  FILE* in = popen(command, "r");
  CHECK(in != NULL);
  for (char line[200]; fgets(line, sizeof line, in) != NULL;) printf("> %s", line);
  CHECK_EQ(pclose(in), 0);
}

int main(void) {
  from("seq 1 2000 | grep 7 | sort -n | tail -n 3 | tr 0-9 a-j");
  from("x=$(echo a b c | wc -w); echo $x $(for i in 1 2 3; do echo $i; done | paste -sd+)");
  run("yes | head -n 1000 | uniq -c | sed 's/^ *//'", 0);
  run("cat <<E | (read a; read b; echo $b $a)\none\ntwo\nE", 0);
  run("(echo to a file; ls /nowhere) >file 2>&1; wc -l <file; false | true", 0);
  run("trap 'exit 9' USR1; kill -USR1 $$; sleep 5", 9);
  run("(exit 3) & (exit 4) & wait %1; a=$?; wait %2; exit $((a * 10 + $?))", 34);
  run("sh -c 'sh -c \"kill -9 \\$\\$\"; echo $?'; exec sh -c 'exit 6'", 6);
  run("set -m; cat /dev/null & wait $!", 0);
  FILE* out = popen("tr a-z A-Z; exit 5", "w");
  CHECK(out != NULL);
  for (int i = 0; i < 500; i++) fprintf(out, "line %d\n", i % 7);
  CHECK_EQ(WEXITSTATUS(pclose(out)), 5);
  puts(failures ? "failed" : "fine");
  fflush(stdout);
  execl("/bin/sh", "sh", "-c", "echo last | cat | cat; exit 0", NULL);
  return 1;
}
