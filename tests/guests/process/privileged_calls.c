// System calls that only root may make, or that would change the machine: with arguments that no kernel
// accepts, each fails as natively, whoever runs it. Those of little use are called harmlessly.
#include <linux/keyctl.h>
#include <sched.h>
#include <sys/mount.h>
#include "common.h"

#define SHOW(name, ...)                                      \
  do {                                                       \
    errno = 0;                                               \
    const long result_ = syscall(SYS_##name, ##__VA_ARGS__); \
    printf("%s %d %d\n", #name, result_ < 0, errno);         \
  } while (0)

int main(void) {
  char buffer[256];
  void* bad = (void*)16;
  SHOW(acct, "/nonexistent/file");
  SHOW(swapon, "/nonexistent", 0);
  SHOW(swapoff, "/nonexistent");
  SHOW(sethostname, bad, 5);
  SHOW(setdomainname, bad, 5);
  SHOW(settimeofday, bad, NULL);
  SHOW(clock_settime, 99, bad);
  SHOW(clock_adjtime, 99, bad);
  SHOW(pivot_root, "/nonexistent", "/nonexistent");
  SHOW(mount, "none", "/nonexistent", "tmpfs", 0, NULL);
  SHOW(umount2, "/nonexistent", 0);
  SHOW(chroot, "/nonexistent");
  SHOW(quotactl, 0, NULL, 0, NULL);
  SHOW(quotactl_fd, -1, 0, 0, NULL);
  SHOW(setns, -1, 0);
  SHOW(unshare, 0);
  SHOW(fsopen, "nonexistent", 0);
  SHOW(fsconfig, -1, 0, NULL, NULL, 0);
  SHOW(fsmount, -1, 0, 0);
  SHOW(fspick, -1, "", 0);
  SHOW(move_mount, -1, "", -1, "", 0);
  SHOW(mount_setattr, -1, "", 0, bad, 0);
  SHOW(open_tree, -1, "nonexistent", 0);
  enum { STATMOUNT = 457, LISTMOUNT, LSM_GET = 459, LSM_SET, LSM_LIST, OPEN_TREE_ATTR = 467 };
  static const int by_number[] = {STATMOUNT, LISTMOUNT, LSM_GET, LSM_SET, OPEN_TREE_ATTR};
  for (int i = 0; i < 5; i++) {
    errno = 0;
    const long result = syscall(by_number[i], 0, NULL, NULL, 77, 0);
    printf("%d %d %d\n", by_number[i], result < 0, errno);
  }
  unsigned size = sizeof buffer;
  const long modules = syscall(LSM_LIST, buffer, &size, 0);
  printf("lsm_list_modules %ld %u\n", modules, size);
  SHOW(fanotify_init, 0xffff, 0);
  SHOW(fanotify_mark, -1, 1, 0, -1, NULL);
  SHOW(syslog, 99, NULL, 0);
  SHOW(setgroups, 100000, NULL);
  SHOW(migrate_pages, -1, 0, NULL, NULL);
  SHOW(process_mrelease, -1, 0);
  SHOW(mlockall, 0);
  SHOW(ioprio_set, 1, 0, 0x7fff);
  SHOW(sched_setattr, 0, NULL, 0);
  SHOW(rt_tgsigqueueinfo, getpid(), getpid(), 99, bad);
  SHOW(set_robust_list, bad, 1);
  const int terminal = open("/dev/tty", O_RDONLY);
  if (terminal < 0) SHOW(vhangup);  // harmless without a controlling terminal

  void* head = NULL;
  size_t length = 0;
  MUST(syscall(SYS_get_robust_list, 0, &head, &length));
  CHECK_EQ(length, 24);
  siginfo_t info = {.si_code = SI_QUEUE, .si_signo = SIGWINCH};
  MUST(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGWINCH, &info));
  MUST(syscall(SYS_rt_sigqueueinfo, getpid(), SIGWINCH, &info));

  // Memory policy and protection keys.
  int mode = -1;
  const long policy = syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0);
  printf("get_mempolicy %ld %d\n", policy, mode);
  SHOW(set_mempolicy, 0, NULL, 0);
  u8* page = map_pages(2, PROT_READ | PROT_WRITE);
  page[0] = 1;
  SHOW(mbind, page, 4096, 0, NULL, 0, 0);
  SHOW(set_mempolicy_home_node, page, 4096, 0, 1);
  void* pages[] = {page};
  int status[] = {-1};
  const long moved = syscall(SYS_move_pages, 0, 1, pages, NULL, status, 0);
  printf("move_pages %ld %d\n", moved, status[0]);
  const long key = syscall(SYS_pkey_alloc, 0, 0);
  if (key >= 0) CHECK_EQ(syscall(SYS_pkey_free, key), 0);
  SHOW(pkey_free, 99);
  CHECK_EQ(syscall(SYS_pkey_mprotect, page, 4096, PROT_READ, -1), 0);

  // Keys.
  const long id = syscall(SYS_add_key, "user", "guest-key", "secret", 6, KEY_SPEC_PROCESS_KEYRING);
  if (id >= 0) {
    CHECK_EQ(syscall(SYS_keyctl, KEYCTL_READ, id, buffer, sizeof buffer), 6);
    CHECK(memcmp(buffer, "secret", 6) == 0);
    CHECK_EQ(syscall(SYS_request_key, "user", "guest-key", NULL, KEY_SPEC_PROCESS_KEYRING), id);
    CHECK_EQ(syscall(SYS_keyctl, KEYCTL_REVOKE, id), 0);
  } else {
    printf("add_key %d\n", errno);
  }
  SHOW(request_key, "user", "no-such-key", NULL, KEY_SPEC_PROCESS_KEYRING);
  return done();
}
