// A child that shares memory executes a program that cannot be recorded, and that waits for its parent: whoever shares
// the memory goes on meanwhile, and sees what the child wrote last.
#include <sys/sendfile.h>
#include "common.h"

/// It changes its user, or it cannot be read.
static void copy_unrecordable(const char* from, const char* to) {
  struct stat st;
  const int in = MUST(open(from, O_RDONLY)), out = MUST(open(to, O_WRONLY | O_CREAT | O_TRUNC, 0700));
  MUST(fstat(in, &st));
  CHECK_EQ(sendfile(out, in, NULL, (size_t)st.st_size), st.st_size);
  if (geteuid() == 0) MUST(fchown(out, 65534, 65534));
  MUST(fchmod(out, geteuid() == 0 ? 04755 : 0111));
  close(in);
  close(out);
}

int main(void) {
  enum { size = 1 << 20 };
  volatile char* const memory = MUST(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  int there[2], back[2], status;
  char text[16] = {0};
  copy_unrecordable("/bin/cat", "./cat");
  MUST(pipe2(there, O_CLOEXEC));
  MUST(pipe2(back, O_CLOEXEC));
  const pid_t pid = MUST(fork());
  if (pid == 0) {
    char* const arguments[] = {"cat", NULL};
    MUST(dup2(there[0], 0));
    MUST(dup2(back[1], 1));
    for (int i = 0; i < size; i += 4096) memory[i] = 7;
    execv("./cat", arguments);
    _exit(1);
  }
  while (memory[size - 4096] != 7) {
  }
  CHECK_EQ(write(there[1], "through", 7), 7);
  CHECK_EQ(read(back[0], text, sizeof text), 7);
  int sum = 0;
  for (int i = 0; i < size; i += 4096) sum += memory[i];
  printf("%s %d\n", text, sum);
  close(there[1]);
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK_EQ(status, 0);
  MUST(unlink("cat"));
  return done();
}
