// Every family of calls that wait, ended by a signal: with SA_RESTART it goes on until what it waits for comes (with the
// third signal), or is EINTR all the same; without, it is EINTR. The same in a second thread beside one that can always
// run.
// build: -pthread
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include "common.h"

static volatile int signals, feed_at;
static void (*volatile feed)(void);
static void handler(int signal) {
  (void)signal;
  const int saved = errno;
  if (++signals == feed_at && feed != NULL) feed();
  errno = saved;
}

static int pipe_ends[2], full[2], pair[2], full_pair[2], listener, event, timer_descriptor, signal_descriptor;
static int queue, set_of_semaphores, waiting_epoll;
static mqd_t posix_queue;
static sem_t semaphore;
static int word;
static char byte;
static struct sockaddr_un name = {.sun_family = AF_UNIX};
static socklen_t name_size;

static void put(int fd) { (void)!write(fd, "x", 1); }
static void feed_pipe(void) { put(pipe_ends[1]); }
static void drain_pipe(void) {
  static char bytes[8192];
  (void)!read(full[0], bytes, sizeof bytes);
}
static void feed_pair(void) { put(pair[1]); }
static void drain_pair(void) {
  static char bytes[1 << 16];
  while (recv(full_pair[1], bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
  }
}
static void feed_listener(void) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  connect(fd, (struct sockaddr*)&name, name_size);
}
static void feed_event(void) { (void)!write(event, &(u64){1}, 8); }
static void feed_timer(void) { timerfd_settime(timer_descriptor, 0, &(struct itimerspec){{0, 0}, {0, 1}}, NULL); }
static void feed_signal(void) { raise(SIGUSR1); }
static void feed_posix_queue(void) { mq_send(posix_queue, "x", 1, 0); }
static void feed_semaphore(void) { sem_post(&semaphore); }

/// The pipe and the socket that are written to.
static void fill(void) {
  static char bytes[1 << 16];
  MUST(fcntl(full[1], F_SETFL, O_NONBLOCK));
  while (write(full[1], bytes, 1) > 0) {
  }
  MUST(fcntl(full[1], F_SETFL, 0));
  while (send(full_pair[0], bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
  }
  while (send(full_pair[0], bytes, 1, MSG_DONTWAIT) > 0) {
  }
}

static long reads(void) { return read(pipe_ends[0], &byte, 1); }
static long reads_vector(void) { return readv(pipe_ends[0], &(struct iovec){&byte, 1}, 1); }
static long writes(void) { return write(full[1], "x", 1); }
static long receives(void) { return recv(pair[0], &byte, 1, 0); }
static long receives_message(void) {
  struct msghdr m = {.msg_iov = &(struct iovec){&byte, 1}, .msg_iovlen = 1};
  return recvmsg(pair[0], &m, 0);
}
static long sends(void) { return send(full_pair[0], "x", 1, 0); }
static long accepts(void) {
  const int fd = accept(listener, NULL, NULL);
  if (fd >= 0) close(fd);
  return fd < 0 ? fd : 1;
}
static long reads_event(void) {
  u64 value;
  return read(event, &value, 8) == 8 ? 1 : -1;
}
static long reads_timer(void) {
  u64 value;
  return read(timer_descriptor, &value, 8) == 8 ? 1 : -1;
}
static long reads_signal(void) {
  struct signalfd_siginfo info;
  return read(signal_descriptor, &info, sizeof info) == (long)sizeof info ? 1 : -1;
}
static long receives_posix(void) {
  char bytes[16];
  return mq_receive(posix_queue, bytes, sizeof bytes, NULL);
}
static long waits_for_semaphore(void) { return sem_wait(&semaphore) == 0 ? 1 : -1; }
static long waits_for_futex(void) {  // what the handler writes is seen as the call begins anew
  const long r = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
  return r == -1 && errno == EAGAIN ? (word = 0, 1) : r;
}
static void feed_futex(void) { word = 1; }

static long polls(void) { return poll(&(struct pollfd){pipe_ends[0], POLLIN, 0}, 1, -1); }
static long polls_masked(void) { return ppoll(&(struct pollfd){pipe_ends[0], POLLIN, 0}, 1, NULL, &(sigset_t){0}); }
static long selects(void) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(pipe_ends[0], &set);
  return select(pipe_ends[0] + 1, &set, NULL, NULL, NULL);
}
static long waits_for_events(void) { return epoll_wait(waiting_epoll, &(struct epoll_event){0}, 1, -1); }
static long sleeps(void) { return nanosleep(&(struct timespec){1000, 0}, NULL); }
static long sleeps_until(void) {
  errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &(struct timespec){1l << 40, 0}, NULL);
  return -1;
}
static long takes_message(void) {
  struct {
    long type;
    char text[8];
  } m;
  return msgrcv(queue, &m, 8, 0, 0);
}
static long takes_from_set(void) { return semop(set_of_semaphores, &(struct sembuf){0, -1, 0}, 1); }
static long takes_for_a_time(void) {
  return semtimedop(set_of_semaphores, &(struct sembuf){0, -1, 0}, 1, &(struct timespec){1000, 0});
}
static long waits_for_signal(void) {
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGUSR2);
  return sigtimedwait(&set, NULL, &(struct timespec){1000, 0});
}
static long pauses(void) { return pause(); }
static long suspends(void) { return sigsuspend(&(sigset_t){0}); }
static long receives_for_a_time(void) {
  setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){1000, 0}, sizeof(struct timeval));
  const long r = recv(pair[0], &byte, 1, 0);
  setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0, 0}, sizeof(struct timeval));
  return r;
}

static const struct {
  const char* what;
  long (*wait)(void);
  void (*feed)(void);  // NULL: never begins anew
} rows[] = {
    {"read", reads, feed_pipe},
    {"readv", reads_vector, feed_pipe},
    {"write", writes, drain_pipe},
    {"recv", receives, feed_pair},
    {"recvmsg", receives_message, feed_pair},
    {"send", sends, drain_pair},
    {"accept", accepts, feed_listener},
    {"eventfd", reads_event, feed_event},
    {"timerfd", reads_timer, feed_timer},
    {"signalfd", reads_signal, feed_signal},
    {"mq_receive", receives_posix, feed_posix_queue},
    {"sem_wait", waits_for_semaphore, feed_semaphore},
    {"futex", waits_for_futex, feed_futex},
    {"poll", polls, NULL},
    {"ppoll", polls_masked, NULL},
    {"select", selects, NULL},
    {"epoll_wait", waits_for_events, NULL},
    {"nanosleep", sleeps, NULL},
    {"clock_nanosleep", sleeps_until, NULL},
    {"msgrcv", takes_message, NULL},
    {"semop", takes_from_set, NULL},
    {"semtimedop", takes_for_a_time, NULL},
    {"rt_sigtimedwait", waits_for_signal, NULL},
    {"pause", pauses, NULL},
    {"rt_sigsuspend", suspends, NULL},
    {"recv with a time limit", receives_for_a_time, NULL},
};

/// Signals for the calling thread, every 2 ms.
static void* all(void* argument) {
  timer_t timer;
  struct sigevent to_thread = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM};
  to_thread._sigev_un._tid = (int)syscall(SYS_gettid);
  MUST(timer_create(CLOCK_MONOTONIC, &to_thread, &timer));
  for (int i = 0; i < (int)(sizeof rows / sizeof rows[0]); i++) {
    for (int restart = 0; restart < 2; restart++) {
      const struct sigaction action = {.sa_handler = handler, .sa_flags = restart ? SA_RESTART : 0};
      MUST(sigaction(SIGALRM, &action, NULL));
      signals = 0, feed_at = restart ? 3 : 0, feed = rows[i].feed;
      MUST(timer_settime(timer, 0, &(struct itimerspec){{0, 2000000}, {0, 2000000}}, NULL));
      errno = 0;
      const long result = rows[i].wait();
      const int error = errno;
      MUST(timer_settime(timer, 0, &(struct itimerspec){{0, 0}, {0, 0}}, NULL));
      const int begins_anew = restart && rows[i].feed != NULL;
      CHECK(signals >= (begins_anew ? 3 : 1));
      printf("%s, %s: ", rows[i].what, restart ? "SA_RESTART" : "without");
      if (result == -1) {
        printf("%s\n", strerror(error));
      } else {
        printf("%ld\n", result);
      }
    }
  }
  MUST(timer_delete(timer));
  return argument;
}

static volatile int stop;
static void* spins(void* argument) {
  sigset_t set;
  sigfillset(&set);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  while (!stop) {
  }
  return argument;
}

int main(void) {
  MUST(pipe(pipe_ends)), MUST(pipe(full));
  MUST(fcntl(full[1], F_SETPIPE_SZ, 4096));
  MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair)), MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, full_pair));
  listener = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
  MUST(bind(listener, (struct sockaddr*)&name, sizeof name.sun_family));
  name_size = sizeof name;
  MUST(getsockname(listener, (struct sockaddr*)&name, &name_size));
  MUST(listen(listener, 8));
  event = MUST(eventfd(0, 0));
  timer_descriptor = MUST(timerfd_create(CLOCK_MONOTONIC, 0));
  sigset_t usr;
  sigemptyset(&usr), sigaddset(&usr, SIGUSR1), sigaddset(&usr, SIGUSR2);
  MUST(sigprocmask(SIG_BLOCK, &usr, NULL));
  signal_descriptor = MUST(signalfd(-1, &usr, 0));
  queue = MUST(msgget(IPC_PRIVATE, 0600));
  set_of_semaphores = MUST(semget(IPC_PRIVATE, 1, 0600));
  MUST(semctl(set_of_semaphores, 0, SETVAL, 0));
  waiting_epoll = MUST(epoll_create1(0));
  char queue_name[64];
  snprintf(queue_name, sizeof queue_name, "/restart_families-%d", getpid());
  struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = 16};
  posix_queue = MUST(mq_open(queue_name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes));
  MUST(mq_unlink(queue_name));
  sem_init(&semaphore, 0, 0);
  fill();
  all(NULL);
  fill();
  pthread_t thread[2];
  pthread_create(&thread[0], NULL, spins, NULL);
  pthread_create(&thread[1], NULL, all, NULL);
  pthread_join(thread[1], NULL);
  stop = 1;
  pthread_join(thread[0], NULL);
  MUST(msgctl(queue, IPC_RMID, NULL)), MUST(semctl(set_of_semaphores, 0, IPC_RMID));
  return done();
}
