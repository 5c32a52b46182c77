// Directories and names: mkdir, rename, links, symbolic links, listing, the current directory.
#include <dirent.h>
#include <ftw.h>
#include <glob.h>
#include "common.h"

static int compare(const void* a, const void* b) { return strcmp(*(char* const*)a, *(char* const*)b); }

static void list(const char* path) {
  DIR* d = opendir(path);
  char* names[64];
  int n = 0;
  for (struct dirent* e; (e = readdir(d));) {
    char text[300];
    snprintf(text, sizeof text, "%s(%d)", e->d_name, e->d_type);
    names[n++] = strdup(text);
  }
  closedir(d);
  qsort(names, n, sizeof *names, compare);
  printf("%s:", path);
  for (int i = 0; i < n; i++) printf(" %s", names[i]), free(names[i]);
  puts("");
}

static int visits;
static int visit(const char* path, const struct stat* st, int type, struct FTW* info) {
  (void)path, (void)type, (void)info;
  visits += st->st_nlink > 0;
  return 0;
}

int main(void) {
  char buffer[4096], first[4096];
  CHECK(getcwd(first, sizeof first) == first);
  MUST(mkdir("d", 0755));
  MUST(mkdirat(AT_FDCWD, "d/e", 0700));
  CHECK_ERR(mkdir("d", 0755), EEXIST);
  CHECK_ERR(rmdir("d"), ENOTEMPTY);
  const int d = MUST(open("d", O_RDONLY | O_DIRECTORY));
  const int f = MUST(openat(d, "file", O_CREAT | O_WRONLY, 0644));
  CHECK_EQ(write(f, "text", 4), 4);
  MUST(close(f));
  MUST(link("d/file", "d/hard"));
  MUST(linkat(d, "file", d, "e/hard", 0));
  MUST(symlink("file", "d/soft"));
  MUST(symlinkat("../nowhere", d, "e/broken"));
  MUST(mkfifo("d/fifo", 0600));
  MUST(mknod("d/node", S_IFREG | 0600, 0));
  list("d");
  list("d/e");
  CHECK_EQ(readlink("d/soft", buffer, sizeof buffer), 4);
  CHECK_EQ(readlinkat(d, "e/broken", buffer, 5), 5);
  CHECK(memcmp(buffer, "../no", 5) == 0);
  CHECK_ERR(readlink("d/file", buffer, 10), EINVAL);
  CHECK_ERR(open("d/e/broken", O_RDONLY), ENOENT);
  CHECK_ERR(open("d/soft", O_RDONLY | O_NOFOLLOW), ELOOP);
  MUST(rename("d/file", "d/renamed"));
  MUST(renameat(d, "renamed", d, "again"));
  MUST(renameat2(d, "again", d, "hard", RENAME_EXCHANGE));
  CHECK_ERR(renameat2(d, "again", d, "hard", RENAME_NOREPLACE), EEXIST);
  CHECK_ERR(rename("missing", "d/x"), ENOENT);
  MUST(chdir("d"));
  CHECK(getcwd(buffer, sizeof buffer) != NULL);
  CHECK(strncmp(buffer, first, strlen(first)) == 0 && strcmp(buffer + strlen(first), "/d") == 0);
  CHECK(access("again", R_OK) == 0);
  MUST(fchdir(d));
  MUST(chdir(".."));
  CHECK(getcwd(buffer, sizeof buffer) && strcmp(buffer, first) == 0);
  CHECK_ERR(chdir("d/again"), ENOTDIR);
  CHECK(realpath("d/../d/soft/../", buffer) == NULL);
  CHECK(getcwd(buffer, 2) == NULL && errno == ERANGE);
  CHECK_EQ(faccessat(d, "again", W_OK, 0), 0);
  CHECK_ERR(faccessat(d, "missing", F_OK, AT_EACCESS), ENOENT);
  nftw("d", visit, 10, FTW_PHYS);
  printf("%d visits\n", visits);
  glob_t g;
  CHECK_EQ(glob("d/*", 0, NULL, &g), 0);
  for (size_t i = 0; i < g.gl_pathc; i++) puts(g.gl_pathv[i]);
  globfree(&g);
  // The raw call in small pieces, and seeking in a directory.
  for (int i = 0; i < 50; i++) {
    snprintf(buffer, sizeof buffer, "d/e/entry%02d", i);
    MUST(close(MUST(creat(buffer, 0600))));
  }
  const int e = MUST(openat(d, "e", O_RDONLY | O_DIRECTORY));
  int entries = 0, calls = 0;
  for (long n; (n = MUST(syscall(SYS_getdents64, e, buffer, 200))) > 0; calls++)
    for (long at = 0; at < n; at += ((struct dirent64*)(buffer + at))->d_reclen) entries++;
  CHECK_EQ(entries, 54);
  CHECK(calls > 5);
  CHECK_EQ(lseek(e, 0, SEEK_SET), 0);
  CHECK(syscall(SYS_getdents64, e, buffer, 4096) > 0);
  CHECK_EQ(lseek(e, 0, SEEK_SET), 0);
  CHECK_ERR(syscall(SYS_getdents64, e, buffer, 10), EINVAL);
  MUST(unlinkat(d, "e/broken", 0));
  CHECK_ERR(unlinkat(d, "e", AT_REMOVEDIR), ENOTEMPTY);
  MUST(unlink("d/fifo"));
  MUST(mkdir("empty", 0700));
  MUST(rmdir("empty"));
  return done();
}
