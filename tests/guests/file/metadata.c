// stat in all its forms, modes, owners, times, extended attributes, file systems.
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <utime.h>
#include "common.h"

int main(void) {
  struct stat st, other;
  const int fd = MUST(open("f", O_RDWR | O_CREAT, 0600));
  MUST(write(fd, "hello", 5));
  MUST(stat("f", &st));
  CHECK_EQ(st.st_size, 5);
  CHECK_EQ(st.st_mode, S_IFREG | 0600);
  CHECK_EQ(st.st_uid, geteuid());
  CHECK_EQ(st.st_nlink, 1);
  MUST(fstat(fd, &other));
  CHECK(memcmp(&st, &other, sizeof st) == 0);
  MUST(fstatat(AT_FDCWD, "f", &other, 0));
  CHECK(memcmp(&st, &other, sizeof st) == 0);
  MUST(fstatat(fd, "", &other, AT_EMPTY_PATH));
  CHECK_EQ(other.st_ino, st.st_ino);
  MUST(symlink("f", "l"));
  MUST(lstat("l", &other));
  CHECK(S_ISLNK(other.st_mode) && other.st_size == 1);
  struct statx sx;
  MUST(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &sx));
  CHECK_EQ(sx.stx_size, 5);
  CHECK_EQ(sx.stx_ino, st.st_ino);
  CHECK_EQ(sx.stx_mtime.tv_nsec, st.st_mtim.tv_nsec);
  CHECK_ERR(stat("missing", &st), ENOENT);
  CHECK_ERR(syscall(SYS_newfstatat, AT_FDCWD, "f", 16L, 0), EFAULT);
  CHECK_ERR(syscall(SYS_stat, "f", 16L), EFAULT);
  CHECK_EQ(syscall(SYS_lstat, "l", &other), 0);

  MUST(chmod("f", 0444));
  MUST(fchmod(fd, 0640));
  MUST(fchmodat(AT_FDCWD, "f", 0644, 0));
  MUST(stat("f", &st));
  CHECK_EQ(st.st_mode & 07777, 0644);
  MUST(chown("f", -1, -1));
  MUST(fchown(fd, getuid(), getgid()));
  MUST(lchown("l", -1, -1));
  MUST(fchownat(AT_FDCWD, "f", -1, -1, 0));

  const struct timespec times[] = {{1000000000, 111}, {1100000000, 222}};
  MUST(utimensat(AT_FDCWD, "f", times, 0));
  MUST(stat("f", &st));
  CHECK(st.st_atim.tv_sec == 1000000000 && st.st_mtim.tv_sec == 1100000000 && st.st_mtim.tv_nsec == 222);
  const struct timespec omit[] = {{0, UTIME_OMIT}, {1200000000, 0}};
  MUST(futimens(fd, omit));
  const struct timeval old_times[] = {{900000000, 5}, {950000000, 6}};
  MUST(utimes("f", old_times));
  MUST(stat("f", &st));
  CHECK_EQ(st.st_mtim.tv_nsec, 6000);
  const struct utimbuf oldest = {1, 2};
  MUST(utime("f", &oldest));
  MUST(syscall(SYS_futimesat, AT_FDCWD, "f", old_times));
  MUST(stat("f", &st));
  CHECK_EQ(st.st_mtim.tv_sec, 950000000);

  char value[64], names[256];
  if (setxattr("f", "user.colour", "green", 5, 0) == 0) {
    CHECK_EQ(getxattr("f", "user.colour", value, sizeof value), 5);
    CHECK(memcmp(value, "green", 5) == 0);
    CHECK_EQ(fgetxattr(fd, "user.colour", value, 0), 5);
    CHECK_ERR(getxattr("f", "user.colour", value, 2), ERANGE);
    CHECK_ERR(getxattr("f", "user.none", value, 2), ENODATA);
    MUST(fsetxattr(fd, "user.size", "1", 1, XATTR_CREATE));
    CHECK_ERR(fsetxattr(fd, "user.size", "1", 1, XATTR_CREATE), EEXIST);
    const ssize_t n = MUST(listxattr("f", names, sizeof names));
    CHECK(n >= 22 && memmem(names, n, "user.colour", 12) && memmem(names, n, "user.size", 10));
    CHECK_EQ(flistxattr(fd, names, sizeof names), n);
    CHECK_EQ(llistxattr("f", names, sizeof names), n);
    CHECK_EQ(lgetxattr("f", "user.size", value, 64), 1);
    MUST(lsetxattr("f", "user.size", "22", 2, XATTR_REPLACE));
    MUST(removexattr("f", "user.colour"));
    MUST(fremovexattr(fd, "user.size"));
    CHECK_ERR(lremovexattr("f", "user.size"), ENODATA);
    MUST(lsetxattr("f", "user.size", "3", 1, 0));
    MUST(lremovexattr("f", "user.size"));
  } else {
    CHECK(errno == ENOTSUP || errno == EPERM);
  }
  struct statfs fs, same;
  MUST(statfs(".", &fs));
  MUST(fstatfs(fd, &same));
  CHECK(fs.f_bsize > 0 && fs.f_blocks > 0 && fs.f_type == same.f_type && fs.f_bsize == same.f_bsize);
  struct statvfs vfs;
  MUST(statvfs("/proc", &vfs));
  CHECK(vfs.f_namemax >= 255);
  MUST(stat("/dev/null", &st));
  CHECK(S_ISCHR(st.st_mode) && major(st.st_rdev) == 1 && minor(st.st_rdev) == 3);
  return done();
}
