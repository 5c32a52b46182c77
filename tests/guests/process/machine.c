// Calls about the machine that change nothing: its clock's parameters, its log, its memory nodes, barriers, scheduling.
#include <sys/timex.h>
#include "common.h"

#define SHOW(name, ...) printf("%s %d\n", #name, syscall(SYS_##name, ##__VA_ARGS__) < 0 ? errno : 0)

int main(void) {
  struct timex parameters = {0};
  CHECK(syscall(SYS_adjtimex, &parameters) >= 0);
  CHECK(parameters.tick > 0);

  const long room = syscall(SYS_syslog, 10, NULL, 0);  // SYSLOG_ACTION_SIZE_BUFFER
  CHECK(room > 0 || errno == EPERM);
  CHECK_ERR(syscall(SYS_syslog, 3, NULL, -1), EINVAL);

  SHOW(membarrier, 0, 0, 0);
  SHOW(membarrier, 1, 0, 0);
  CHECK(syscall(SYS_membarrier, 77, 0, 0) == -1);

  // Node 0 is everywhere.
  unsigned long node = 1;
  u8* page = map_pages(1, PROT_READ | PROT_WRITE);
  page[0] = 1;
  SHOW(migrate_pages, 0, 64, &node, &node);
  SHOW(mbind, page, 4096, 2, &node, 64, 0);  // MPOL_BIND
  SHOW(set_mempolicy_home_node, page, 4096, 0, 0);
  int mode = -1;
  unsigned long nodes[16] = {0};
  SHOW(get_mempolicy, &mode, nodes, 1024, page, 2);  // MPOL_F_ADDR
  printf("%d %lu\n", mode, nodes[0]);
  CHECK_EQ(page[0], 1);

  struct {
    unsigned size, policy;
    u64 flags;
    int nice;
    unsigned priority;
    u64 runtime, deadline, period;
  } attributes = {.size = sizeof attributes};
  MUST(syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0));
  attributes.policy = 3;  // SCHED_BATCH
  MUST(syscall(SYS_sched_setattr, 0, &attributes, 0));
  MUST(syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0));
  CHECK_EQ(attributes.policy, 3);
  attributes.size = 1;
  CHECK_ERR(syscall(SYS_sched_setattr, 0, &attributes, 0), E2BIG);
  CHECK(attributes.size >= 48);  // the kernel says how long it wants it
  return done();
}
