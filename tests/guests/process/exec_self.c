// execve of the program itself, again and again: same pid, arguments and environment as given, handlers
// reset, ignored signals kept, mask kept, close-on-exec descriptors closed, memory new.
// args: 0
#include <sys/time.h>
#include "common.h"

static int initialised = 5, zero;
static void handler(int sig, siginfo_t* info, void* context) { (void)sig, (void)info, (void)context; }

int main(int argc, char** argv) {
  CHECK_EQ(argc >= 2, 1);
  const int round = atoi(argv[1]);
  printf("round %d, %d arguments\n", round, argc);
  CHECK(initialised == 5 && zero == 0);
  initialised = 6, zero = 7;
  char text[64];
  if (round > 0) {
    CHECK_EQ(atoi(getenv("GUEST_PID")), getpid());
    CHECK_EQ(atoi(getenv("GUEST_ROUND")), round);
    struct sigaction sa;
    sigaction(SIGUSR1, NULL, &sa);
    CHECK(sa.sa_handler == SIG_DFL);
    sigaction(SIGUSR2, NULL, &sa);
    CHECK(sa.sa_handler == SIG_IGN);
    sigset_t mask, pending;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    CHECK(sigismember(&mask, SIGHUP) && !sigismember(&mask, SIGTERM));
    sigpending(&pending);
    CHECK(sigismember(&pending, SIGHUP));
    CHECK_ERR(fcntl(50, F_GETFD), EBADF);
    CHECK_EQ(fcntl(51, F_GETFD), 0);
    CHECK_EQ(lseek(51, 0, SEEK_CUR), round);
    stack_t stack;
    sigaltstack(NULL, &stack);
    CHECK_EQ(stack.ss_flags, SS_DISABLE);
    unsigned char v;
    CHECK_ERR(mincore((void*)0x500000000000, 4096, &v), ENOMEM);
    CHECK_EQ(umask(022), 077);
  }
  if (round == 5) {
    const char* slash = strrchr(argv[0], '/');
    puts(slash ? "by path" : argv[0]);
    return done();
  }
  const int fd = round ? 51 : MUST(open("data", O_RDWR | O_CREAT, 0600));
  MUST(write(fd, "x", 1));
  if (round == 0) MUST(dup2(fd, 51)), close(fd);
  MUST(dup3(51, 50, O_CLOEXEC));
  on_signal(SIGUSR1, handler, 0);
  signal(SIGUSR2, SIG_IGN);
  const sigset_t set = signal_set(SIGHUP, 0, 0);
  MUST(sigprocmask(SIG_BLOCK, &set, NULL));
  raise(SIGHUP);
  const stack_t stack = {.ss_sp = map_pages(4, PROT_READ | PROT_WRITE), .ss_size = 16384};
  MUST(sigaltstack(&stack, NULL));
  CHECK(mmap((void*)0x500000000000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
  umask(077);
  fflush(stdout);
  if (failures) return 1;

  char path[4096] = "", number[16];
  MUST(readlink("/proc/self/exe", path, sizeof path - 1));
  snprintf(number, sizeof number, "%d", round + 1);
  snprintf(text, sizeof text, "GUEST_PID=%d", getpid());
  char other[64];
  snprintf(other, sizeof other, "GUEST_ROUND=%d", round + 1);
  char* const arguments[] = {round == 4 ? "a name" : path, number, "more", NULL};
  char* const environment[] = {text, other, NULL};
  if (round == 2) {
    const int self = MUST(open(path, O_RDONLY | O_CLOEXEC));
    fexecve(self, arguments, environment);
  } else if (round == 3) {
    syscall(SYS_execveat, AT_FDCWD, path, arguments, environment, 0);
  } else {
    execve(path, arguments, environment);
  }
  printf("FAIL exec: %s\n", strerror(errno));
  return 1;
}
