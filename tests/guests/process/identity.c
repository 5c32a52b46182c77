// Who the process is: ids, groups, names of the system, limits, usage, scheduling, prctl, capabilities.
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include "common.h"

int main(void) {
  CHECK_EQ(getpid(), syscall(SYS_gettid));
  CHECK(getppid() > 0);
  uid_t r, e, s;
  MUST(getresuid(&r, &e, &s));
  CHECK(r == getuid() && e == geteuid());
  gid_t rg, eg, sg;
  MUST(getresgid(&rg, &eg, &sg));
  CHECK(rg == getgid() && eg == getegid());
  MUST(setuid(getuid()));
  MUST(setgid(getgid()));
  MUST(setreuid(-1, -1));
  MUST(setregid(-1, -1));
  MUST(setresuid(-1, -1, -1));
  MUST(setresgid(-1, -1, -1));
  CHECK_EQ(setfsuid(-1), geteuid());
  CHECK_EQ(setfsgid(-1), getegid());
  gid_t groups[64];
  const int n = MUST(getgroups(64, groups));
  CHECK_EQ(getgroups(0, NULL), n);
  CHECK(setgroups((size_t)n, groups) == 0 || errno == EPERM);
  CHECK_EQ(getpgid(0), getpgrp());
  CHECK(getsid(0) > 0);

  struct utsname name;
  MUST(uname(&name));
  CHECK(strcmp(name.sysname, "Linux") == 0 && strcmp(name.machine, "x86_64") == 0);
  char host[128];
  MUST(gethostname(host, sizeof host));
  CHECK(strcmp(host, name.nodename) == 0);
  struct sysinfo si;
  MUST(sysinfo(&si));
  CHECK(si.totalram > 0 && si.procs > 0 && si.uptime > 0);

  struct rlimit limit, same;
  for (int i = 0; i < RLIM_NLIMITS; i++) {
    MUST(getrlimit(i, &limit));
    MUST(prlimit(0, i, NULL, &same));
    CHECK(limit.rlim_cur == same.rlim_cur && limit.rlim_max == same.rlim_max && limit.rlim_cur <= limit.rlim_max);
  }
  CHECK_ERR(getrlimit(99, &limit), EINVAL);
  limit = (struct rlimit){0, RLIM_INFINITY};
  MUST(getrlimit(RLIMIT_CORE, &same));
  limit.rlim_max = same.rlim_max;
  MUST(setrlimit(RLIMIT_CORE, &limit));
  MUST(getrlimit(RLIMIT_CORE, &same));
  CHECK_EQ(same.rlim_cur, 0);

  struct rusage usage;
  MUST(getrusage(RUSAGE_SELF, &usage));
  CHECK(usage.ru_maxrss > 0);
  MUST(getrusage(RUSAGE_CHILDREN, &usage));
  struct tms t;
  CHECK(times(&t) != -1);

  cpu_set_t set, back;
  MUST(sched_getaffinity(0, sizeof set, &set));
  CHECK(CPU_COUNT(&set) >= 1);
  MUST(sched_setaffinity(0, sizeof set, &set));
  MUST(sched_getaffinity(0, sizeof back, &back));
  CHECK(CPU_EQUAL(&set, &back));
  CHECK_EQ(sched_getscheduler(0), SCHED_OTHER);
  struct sched_param param = {0};
  MUST(sched_getparam(0, &param));
  CHECK_EQ(param.sched_priority, 0);
  MUST(sched_setscheduler(0, SCHED_BATCH, &param));
  CHECK_EQ(sched_getscheduler(0), SCHED_BATCH);
  MUST(sched_setscheduler(0, SCHED_OTHER, &param));
  MUST(sched_setparam(0, &param));
  CHECK_EQ(sched_get_priority_max(SCHED_FIFO), 99);
  CHECK_EQ(sched_get_priority_min(SCHED_FIFO), 1);
  struct timespec slice;
  MUST(sched_rr_get_interval(0, &slice));
  MUST(sched_yield());
  struct {
    unsigned size, policy;
    u64 flags;
    int nice;
    unsigned priority;
    u64 runtime, deadline, period;
  } attributes = {0};
  MUST(syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0));
  CHECK_EQ(attributes.policy, 0);
  errno = 0;
  const int nice_now = getpriority(PRIO_PROCESS, 0);
  CHECK_EQ(errno, 0);
  const int nicer = nice_now < 19 ? nice_now + 1 : 19;
  MUST(setpriority(PRIO_PROCESS, 0, nicer));
  CHECK_EQ(getpriority(PRIO_PROCESS, 0), nicer);
  CHECK_EQ(syscall(SYS_ioprio_get, 1, 0) >= 0, 1);

  CHECK_EQ(prctl(PR_GET_DUMPABLE), 1);
  MUST(prctl(PR_SET_DUMPABLE, 0));
  CHECK_EQ(prctl(PR_GET_DUMPABLE), 0);
  MUST(prctl(PR_SET_DUMPABLE, 1));
  MUST(prctl(PR_SET_PDEATHSIG, SIGTERM));
  int sig = 0;
  MUST(prctl(PR_GET_PDEATHSIG, &sig));
  CHECK_EQ(sig, SIGTERM);
  MUST(prctl(PR_SET_PDEATHSIG, 0));
  CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
  MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
  int subreaper = 9;
  MUST(prctl(PR_GET_CHILD_SUBREAPER, &subreaper));
  CHECK_EQ(subreaper, 0);
  MUST(prctl(PR_SET_CHILD_SUBREAPER, 1));
  MUST(prctl(PR_GET_CHILD_SUBREAPER, &subreaper));
  CHECK_EQ(subreaper, 1);
  MUST(prctl(PR_SET_TIMERSLACK, 60000));
  CHECK_EQ(prctl(PR_GET_TIMERSLACK), 60000);
  CHECK_ERR(prctl(99999), EINVAL);
  CHECK_EQ(personality(0xffffffff) & ~ADDR_NO_RANDOMIZE, 0);
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  MUST(syscall(SYS_capget, &header, data));
  MUST(syscall(SYS_capset, &header, data));
  CHECK(sysconf(_SC_NPROCESSORS_ONLN) >= 1);
  CHECK(sysconf(_SC_PHYS_PAGES) > 0);
  CHECK_EQ(getpagesize(), 4096);
  double load[3];
  CHECK_EQ(getloadavg(load, 3), 3);
  u8 random[64] = {0};
  CHECK_EQ(syscall(SYS_getrandom, random, sizeof random, 0), sizeof random);
  int zeros = 0;
  for (int i = 0; i < 64; i++) zeros += random[i] == 0;
  CHECK(zeros < 20);
  CHECK_ERR(syscall(SYS_getrandom, random, 1, 0xff), EINVAL);
  CHECK_EQ(getentropy(random, 16), 0);
  return done();
}
