// fanotify as an ordinary user may use it: events with handles instead of descriptors. Where the kernel does not have
// that, it says so.
#include <sys/fanotify.h>
#include "common.h"

int main(void) {
  const int fd = MUST(open("f", O_RDWR | O_CREAT, 0600));
  const int group = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_CLOEXEC | FAN_NONBLOCK, 0);
  if (group < 0) {
    printf("fanotify_init %d\n", errno);
    return done();
  }
  if (fanotify_mark(group, FAN_MARK_ADD, FAN_MODIFY | FAN_CLOSE_WRITE, AT_FDCWD, "f") != 0) {
    printf("fanotify_mark %d\n", errno);
    return done();
  }
  struct {
    struct fanotify_event_metadata event;
    u8 more[1024];
  } buffer;
  CHECK_ERR(read(group, &buffer, sizeof buffer), EAGAIN);
  MUST(write(fd, "text", 4));
  MUST(close(fd));
  ssize_t left = MUST(read(group, &buffer, sizeof buffer));
  u64 seen = 0;
  for (struct fanotify_event_metadata* e = &buffer.event; FAN_EVENT_OK(e, left); e = FAN_EVENT_NEXT(e, left)) {
    CHECK_EQ(e->fd, FAN_NOFD);
    CHECK_EQ(e->vers, FANOTIFY_METADATA_VERSION);
    seen |= e->mask;
  }
  printf("%#llx\n", seen);
  MUST(fanotify_mark(group, FAN_MARK_REMOVE, FAN_MODIFY | FAN_CLOSE_WRITE, AT_FDCWD, "f"));
  CHECK(fanotify_mark(group, FAN_MARK_REMOVE, FAN_MODIFY, AT_FDCWD, "f") == -1);
  return done();
}
