// In namespaces of its own a program may do what only root may do elsewhere: mount in the old way and the new one, name
// the machine, change its root. Where the kernel gives no namespaces, it says so and ends.
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include "common.h"

enum { STATMOUNT = 457, LISTMOUNT = 458, OPEN_TREE_ATTR = 467 };

static long quiet(long number, long a, long b, long c, long d, long e) {
  const long result = syscall(number, a, b, c, d, e);
  return result == -1 ? -errno : result;
}

static void put(const char* path, const char* text) {
  const int fd = MUST(open(path, O_WRONLY));
  MUST(write(fd, text, strlen(text)));
  MUST(close(fd));
}

static int enter(void) {
  char map[2][64];
  snprintf(map[0], sizeof map[0], "0 %u 1", getuid());
  snprintf(map[1], sizeof map[1], "0 %u 1", getgid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS) != 0) return 0;
  put("/proc/self/setgroups", "deny");
  put("/proc/self/uid_map", map[0]);
  put("/proc/self/gid_map", map[1]);
  CHECK(getuid() == 0 && getgid() == 0);
  CHECK_ERR(setgroups(0, NULL), EPERM);
  return 1;
}

static void names(void) {
  MUST(sethostname("guest", 5));
  MUST(setdomainname("example", 7));
  const int own = MUST(open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC));
  MUST(setns(own, CLONE_NEWUTS));
  CHECK_ERR(setns(own, CLONE_NEWNS), EINVAL);
  struct utsname name;
  MUST(uname(&name));
  printf("%s %s\n", name.nodename, name.domainname);
}

static void old_way(void) {
  MUST(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
  MUST(mkdir("root", 0755));
  MUST(mount("guest", "root", "tmpfs", 0, "size=1m"));
  MUST(mkdir("root/inner", 0755));
  CHECK_ERR(mount("guest", "root/inner", "no-such-type", 0, NULL), ENODEV);
  CHECK_ERR(umount2("root/inner", 0), EINVAL);
}

static void new_way(void) {
  const int context = MUST((int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC));
  MUST(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "size", "1m", 0));
  MUST(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
  const int made = MUST((int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0));
  MUST(syscall(SYS_move_mount, made, "", AT_FDCWD, "root/inner", MOVE_MOUNT_F_EMPTY_PATH));
  MUST(close(MUST((int)syscall(SYS_fspick, AT_FDCWD, "root/inner", FSPICK_CLOEXEC))));
  MUST(close(MUST(creat("root/inner/file", 0600))));
  struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
  MUST(syscall(SYS_mount_setattr, AT_FDCWD, "root/inner", 0, &read_only, sizeof read_only));
  CHECK_ERR(creat("root/inner/other", 0600), EROFS);
  MUST(close(MUST((int)syscall(SYS_open_tree, AT_FDCWD, "root", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC))));
  const long tree = quiet(OPEN_TREE_ATTR, AT_FDCWD, (long)"root", OPEN_TREE_CLONE, (long)&read_only, sizeof read_only);
  printf("open_tree_attr %d\n", tree >= 0 ? 0 : (int)tree);
  if (tree >= 0) {
    CHECK_ERR(mkdirat((int)tree, "dir", 0700), EROFS);
    MUST(close((int)tree));
  }
  MUST(close(made));
  MUST(umount2("root/inner", 0));
  CHECK_ERR(access("root/inner/file", F_OK), ENOENT);
}

static void mounts(void) {
  struct {
    unsigned size, spare;
    u64 mount, parameter;
  } request = {sizeof request, 0, ~0ULL, 0};
  u64 ids[64], answer[512] = {0};
  const long n = quiet(LISTMOUNT, (long)&request, (long)ids, 64, 0, 0);
  printf("listmount %d\n", n > 0 ? 0 : (int)n);
  if (n <= 0) return;
  request.mount = ids[n - 1], request.parameter = 2;  // STATMOUNT_MNT_BASIC
  CHECK_EQ(quiet(STATMOUNT, (long)&request, (long)answer, sizeof answer, 0, 0), 0);
  CHECK_EQ(answer[1], 2);
}

static void new_root(void) {
  MUST(chdir("root"));
  MUST(mkdir("old", 0755));
  MUST(mkdir("jail", 0755));
  MUST((int)syscall(SYS_pivot_root, ".", "old"));
  MUST(chdir("/"));
  CHECK(access("/old/proc/self/exe", F_OK) == 0);
  MUST(umount2("/old", MNT_DETACH));
  CHECK_ERR(access("/proc/self/exe", F_OK), ENOENT);
  MUST(close(MUST(creat("/jail/inside", 0600))));
  MUST(chroot("/jail"));
  CHECK(access("/inside", F_OK) == 0);
  MUST(chdir("/"));
  CHECK_ERR(access("/../jail", F_OK), ENOENT);
}

/// A recording that goes on here: snapshots are taken, a file is mapped, and a child begins.
static void inside_new_root(void) {
  for (int i = 0; i < 3000; i++) MUST(getppid() >= 0 ? 0 : -1);
  const int file = MUST(open("/inside", O_RDWR));
  MUST(write(file, "jailed", 6));
  const char* const text = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
  CHECK(text != MAP_FAILED && memcmp(text, "jailed", 6) == 0);
  fflush(stdout);
  const pid_t child = MUST(fork());
  if (child == 0) _exit(memcmp(text, "jailed", 6) == 0 ? 7 : 8);
  int status;
  MUST(waitpid(child, &status, 0));
  CHECK_EQ(WEXITSTATUS(status), 7);
}

int main(void) {
  if (!enter()) {
    puts("no namespaces");
    return done();
  }
  names();
  old_way();
  new_way();
  mounts();
  new_root();
  inside_new_root();
  return done();
}
