// build: -D_GNU_SOURCE -O1 -no-pie
// Forks, executes other programs and in the end itself anew; loads a library late. Not position independent.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char** argv) {
  const int round = argc > 1 ? atoi(argv[1]) : 0;
  for (int i = 0; i < 60; i++) {
    printf("%d.%d\n", round, i);
    fflush(stdout);
    if (i % 20 == 7) {
      pid_t child = fork();
      if (child == 0) execl("/bin/echo", "echo", "from a child", (char*)NULL);
      int status;
      waitpid(child, &status, 0);
      if (system("exit 3") != 3 << 8) return 1;
    }
    if (i == 50) {
      void* library = dlopen("libm.so.6", RTLD_NOW);
      double (*cosine)(double) = library != NULL ? (double (*)(double))dlsym(library, "cos") : NULL;
      printf("%.6f\n", cosine != NULL ? cosine(1.0) : 0.0);
    }
    struct timespec pause = {0, 8000000};
    nanosleep(&pause, NULL);
  }
  if (round == 2) return 9;
  char next[16];
  snprintf(next, sizeof next, "%d", round + 1);
  execl("/proc/self/exe", argv[0], next, (char*)NULL);
  return 1;
}
