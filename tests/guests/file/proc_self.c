// /proc/self shows the program, not what runs it: exe, maps, cmdline, comm, auxv, stat, fd, cwd.
// args: first "second argument"
#include <dirent.h>
#include <limits.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include "common.h"

static char text[1 << 16];

static ssize_t slurp(const char* path) {
  const int fd = MUST(open(path, O_RDONLY));
  ssize_t total = 0, n;
  while ((n = MUST(read(fd, text + total, sizeof text - 1 - total))) > 0) total += n;
  text[total] = 0;
  close(fd);
  return total;
}

// The line of maps that holds the address: its permissions and name, or NULL.
static const char* find(const void* address) {
  static char line[4096];
  slurp("/proc/self/maps");
  for (char* at = text; *at;) {
    char* end = strchr(at, '\n');
    unsigned long begin, stop;
    if (sscanf(at, "%lx-%lx", &begin, &stop) == 2 && (u64)address >= begin && (u64)address < stop) {
      const int length = (int)(end - at);
      snprintf(line, sizeof line, "%.*s", length, at);
      return line;
    }
    at = end + 1;
  }
  return NULL;
}

int data = 5;
static const char constant[] = "constant";

int main(int argc, char** argv) {
  (void)argc;
  char exe[PATH_MAX] = "", cwd[PATH_MAX] = "", link[PATH_MAX] = "";
  MUST(readlink("/proc/self/exe", exe, sizeof exe - 1));
  printf("exe %s\n", strrchr(exe, '/') + 1);
  CHECK(strcmp(exe, argv[0]) == 0);
  snprintf(text, sizeof text, "/proc/%d/exe", getpid());
  MUST(readlink(text, link, sizeof link - 1));
  CHECK(strcmp(exe, link) == 0);
  memset(link, 0, sizeof link);
  MUST(readlinkat(AT_FDCWD, "/proc/self/exe", link, sizeof link - 1));
  CHECK(strcmp(exe, link) == 0);
  CHECK_EQ(readlink("/proc/self/exe", link, 4), 4);
  MUST(readlink("/proc/self/cwd", link, sizeof link - 1));
  CHECK(getcwd(cwd, sizeof cwd) && strncmp(link, cwd, strlen(cwd)) == 0);
  // The file itself, by that name.
  const int fd = MUST(open("/proc/self/exe", O_RDONLY));
  u8 head[4];
  CHECK_EQ(read(fd, head, 4), 4);
  CHECK(memcmp(head, "\177ELF", 4) == 0);
  struct stat a, b;
  MUST(fstat(fd, &a));
  MUST(stat(argv[0], &b));
  CHECK(a.st_ino == b.st_ino && a.st_size == b.st_size);
  close(fd);

  const ssize_t n = slurp("/proc/self/cmdline");
  for (const char* p = text + strlen(text) + 1; p < text + n; p += strlen(p) + 1) puts(p);
  CHECK(strcmp(text, argv[0]) == 0);
  slurp("/proc/self/comm");
  printf("comm %s", text);
  char name[16];
  MUST(prctl(PR_GET_NAME, name));
  puts(name);
  MUST(prctl(PR_SET_NAME, "renamed"));
  slurp("/proc/self/comm");
  printf("comm %s", text);
  CHECK(memmem(text, slurp("/proc/self/environ"), "PATH=", 5) != NULL);

  const char* line = find((void*)(uintptr_t)main);
  CHECK(line && strstr(line, " r-xp ") && strstr(line, exe));
  line = find(&data);
  CHECK(line && strstr(line, " rw-p ") && strstr(line, exe));
  line = find(constant);
  CHECK(line && strstr(line, " r--p ") && strstr(line, exe));
  line = find(&line);
  CHECK(line && strstr(line, " rw-p ") && strstr(line, "[stack]"));
  void* heap = sbrk(4096);
  line = find(heap);
  CHECK(line && strstr(line, " rw-p ") && strstr(line, "[heap]"));
  line = find((void*)(uintptr_t)puts);
  CHECK(line && strstr(line, " r-xp ") && strstr(line, "libc"));
  line = find((void*)getauxval(AT_BASE));
  CHECK(line && strstr(line, "ld-linux"));
  u8* own = map_pages(5, PROT_READ);
  MUST(mprotect(own + 4096, 4096, PROT_READ | PROT_EXEC));
  MUST(munmap(own + 3 * 4096, 4096));
  line = find(own + 4096);
  CHECK(line && strstr(line, " r-xp "));
  CHECK(find(own + 3 * 4096) == NULL);
  CHECK(find(own) != NULL);
  CHECK(find((void*)0x1000) == NULL);
  // Nothing named after the debugger.
  slurp("/proc/self/maps");
  CHECK(strstr(text, "fred-engine") == NULL);
  unsigned long last_end = 0;
  for (char* at = text; *at; at = strchr(at, '\n') + 1) {
    unsigned long begin, end;
    CHECK_EQ(sscanf(at, "%lx-%lx", &begin, &end), 2);
    CHECK(begin >= last_end && end > begin);
    last_end = end;
  }
  slurp("/proc/self/status");
  int pid = 0;
  CHECK(strstr(text, "\nPid:") && sscanf(strstr(text, "\nPid:"), "\nPid: %d", &pid) == 1);
  CHECK_EQ(pid, getpid());
  CHECK(strstr(text, "Threads:\t1\n") != NULL);
  // Descriptors as the program sees them.
  int highest = 0, count = 0;
  DIR* d = opendir("/proc/self/fd");
  for (struct dirent* e; (e = readdir(d));)
    if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d)) count++, highest = atoi(e->d_name);
  closedir(d);
  printf("%d descriptors, the last %d\n", count, highest);
  return done();
}
