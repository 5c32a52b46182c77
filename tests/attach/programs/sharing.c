// build: -D_GNU_SOURCE -O1
// Memory shared with children and with a file, made long before it is used, and clocks that are asked all the time.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { rounds = 12, page = 4096 };

static unsigned long asks_clocks(void) {
  struct timespec begin, now;
  struct timeval day;
  unsigned long backwards = 0;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  long last = begin.tv_nsec;
  do {
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec == begin.tv_sec && now.tv_nsec < last) backwards++;
    last = now.tv_sec == begin.tv_sec ? now.tv_nsec : last;
    if (gettimeofday(&day, NULL) != 0 || time(NULL) < 0) backwards++;
  } while ((now.tv_sec - begin.tv_sec) * 1000000000 + now.tv_nsec - begin.tv_nsec < 150000000);
  return backwards;
}

int main(void) {
  char path[] = "/tmp/attach-sharing-XXXXXX";
  const int fd = mkstemp(path);
  if (fd < 0 || ftruncate(fd, page) != 0) return 2;
  unsigned long sum = 1;
  for (int round = 0; round < rounds; round++) {
    int* shared = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const int reader = open(path, O_RDONLY);
    const int* file = mmap(NULL, page, PROT_READ, MAP_SHARED, reader, 0);
    close(reader);
    if (shared == MAP_FAILED || file == MAP_FAILED) return 2;
    shared[1] = round;
    sum = sum * 31 + asks_clocks();
    const pid_t child = fork();
    if (child == 0) {
      shared[0] = shared[1] * 7 + 1;
      _exit(0);
    }
    int status;
    if (waitpid(child, &status, 0) != child || status != 0) return 3;
    const int value = round * 13 + 5;
    if (pwrite(fd, &value, sizeof value, 0) != (ssize_t)sizeof value) return 4;
    if (shared[0] != round * 7 + 1) return printf("round %d: the child's memory is not ours\n", round), 5;
    if (file[0] != value) return printf("round %d: the file's memory is not the file\n", round), 6;
    sum = sum * 31 + (unsigned long)(shared[0] + file[0]);
    munmap(shared, page);
    munmap((void*)file, page);
  }
  unlink(path);
  printf("%lu\n", sum);
  return 4;
}
