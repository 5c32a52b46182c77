// Every kind of call that waits, in one thread, for what another thread does then.
// build: -pthread
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include "common.h"

enum { calls = 7 };

static int pipes[calls][2], sockets[2], listener, queue, semaphores, event;
static struct sockaddr_in address;

static void expect_byte(int fd, char wanted) {
  char c = 0;
  CHECK_EQ(read(fd, &c, 1), 1);
  CHECK_EQ(c, wanted);
}

static void* wait_all(void* argument) {
  (void)argument;
  expect_byte(pipes[0][0], 'a');

  struct pollfd wanted[2] = {{.fd = pipes[1][0], .events = POLLIN}, {.fd = pipes[0][0], .events = POLLIN}};
  CHECK_EQ(poll(wanted, 2, -1), 1);
  CHECK_EQ(wanted[0].revents, POLLIN);
  CHECK_EQ(wanted[1].revents, 0);
  expect_byte(pipes[1][0], 'b');

  fd_set set;
  FD_ZERO(&set);
  FD_SET(pipes[2][0], &set);
  FD_SET(pipes[0][0], &set);
  CHECK_EQ(select(pipes[2][0] + pipes[0][0] + 1, &set, NULL, NULL, NULL), 1);
  CHECK(FD_ISSET(pipes[2][0], &set) && !FD_ISSET(pipes[0][0], &set));
  expect_byte(pipes[2][0], 'c');

  const int epoll = MUST(epoll_create1(0));
  struct epoll_event interest = {.events = EPOLLIN, .data = {.u64 = 0x1234567812345678}}, got[2];
  MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, pipes[3][0], &interest));
  CHECK_EQ(epoll_wait(epoll, got, 2, -1), 1);
  CHECK_EQ(got[0].data.u64, interest.data.u64);
  expect_byte(pipes[3][0], 'd');

  char first[2] = "", second[4] = "";
  struct iovec parts[2] = {{first, 1}, {second, 3}};
  CHECK_EQ(readv(pipes[4][0], parts, 2), 4);
  CHECK(strcmp(first, "e") == 0 && memcmp(second, "fgh", 3) == 0);

  char control[CMSG_SPACE(sizeof(int))], text[8] = "";
  struct iovec body = {text, sizeof text};
  struct msghdr message = {
      .msg_iov = &body, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  CHECK_EQ(recvmsg(sockets[0], &message, 0), 3);
  CHECK(strcmp(text, "hi") == 0);
  CHECK(message.msg_iov == &body && message.msg_control == control);
  struct cmsghdr* part = CMSG_FIRSTHDR(&message);
  CHECK(part != NULL && part->cmsg_type == SCM_RIGHTS);
  int passed;
  memcpy(&passed, CMSG_DATA(part), sizeof passed);
  CHECK_EQ(write(passed, "p", 1), 1);
  expect_byte(pipes[5][0], 'p');

  struct sockaddr_in peer;
  socklen_t size = sizeof peer;
  const int connection = MUST(accept(listener, (struct sockaddr*)&peer, &size));
  CHECK_EQ(size, sizeof peer);
  CHECK_EQ(peer.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
  char received[16] = "";
  CHECK_EQ(recv(connection, received, 10, MSG_WAITALL), 10);
  CHECK(strcmp(received, "0123456789") == 0);

  struct {
    long type;
    char text[8];
  } letter;
  CHECK_EQ(msgrcv(queue, &letter, sizeof letter.text, 3, 0), 4);
  CHECK(letter.type == 3 && strcmp(letter.text, "msg") == 0);
  struct sembuf down = {.sem_num = 0, .sem_op = -1};
  CHECK_EQ(semop(semaphores, &down, 1), 0);
  uint64_t count = 0;
  CHECK_EQ(read(event, &count, sizeof count), 8);
  CHECK_EQ(count, 9);

  struct mmsghdr messages[2];
  memset(messages, 0, sizeof messages);
  char many[2][4] = {"", ""};
  struct iovec bodies[2] = {{many[0], 4}, {many[1], 4}};
  for (int i = 0; i < 2; i++) messages[i].msg_hdr.msg_iov = &bodies[i], messages[i].msg_hdr.msg_iovlen = 1;
  CHECK_EQ(recvmmsg(sockets[0], messages, 2, 0, NULL), 2);
  CHECK(messages[0].msg_len == 4 && messages[1].msg_len == 4 && messages[1].msg_hdr.msg_iov == &bodies[1]);
  CHECK(strcmp(many[0], "one") == 0 && strcmp(many[1], "two") == 0);
  return NULL;
}

static void pass(int fd, const char* text) { CHECK_EQ(write(fd, text, strlen(text)), (long)strlen(text)); }

static void* sleep_a_bit(void* argument) {
  const struct timespec ms = {0, 2000000};
  struct timespec before, after;
  clock_gettime(CLOCK_MONOTONIC, &before);
  CHECK_EQ(nanosleep(&ms, NULL), 0);
  CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &ms, NULL), 0);
  clock_gettime(CLOCK_MONOTONIC, &after);
  CHECK((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >= 4000000);
  return argument;
}

static void* wait_for_child(void* argument) {
  int status;
  const pid_t child = (pid_t)(long)argument;
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK_EQ(status, 3 << 8);
  return NULL;
}

static void* lock_file(void* argument) {
  const int fd = MUST(open((const char*)argument, O_RDWR));
  CHECK_EQ(flock(fd, LOCK_EX), 0);
  close(fd);
  return NULL;
}

int main(void) {
  pthread_t thread;
  for (int i = 0; i < calls; i++) MUST(pipe(pipes[i]));
  MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets));
  listener = MUST(socket(AF_INET, SOCK_STREAM, 0));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  MUST(bind(listener, (struct sockaddr*)&address, sizeof address));
  socklen_t size = sizeof address;
  MUST(getsockname(listener, (struct sockaddr*)&address, &size));
  MUST(listen(listener, 1));
  queue = MUST(msgget(IPC_PRIVATE, 0600));
  semaphores = MUST(semget(IPC_PRIVATE, 1, 0600));
  event = MUST(eventfd(0, 0));
  pthread_create(&thread, NULL, wait_all, NULL);

  pass(pipes[0][1], "a");
  pass(pipes[1][1], "b");
  pass(pipes[2][1], "c");
  pass(pipes[3][1], "d");
  pass(pipes[4][1], "efgh");
  char control[CMSG_SPACE(sizeof(int))];
  struct iovec body = {"hi", 3};
  struct msghdr message = {
      .msg_iov = &body, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr* part = CMSG_FIRSTHDR(&message);
  *part = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(part), &pipes[5][1], sizeof(int));
  CHECK_EQ(sendmsg(sockets[1], &message, 0), 3);
  const int client = MUST(socket(AF_INET, SOCK_STREAM, 0));
  MUST(connect(client, (struct sockaddr*)&address, sizeof address));
  pass(client, "01234");
  pass(client, "56789");
  struct {
    long type;
    char text[8];
  } letter = {3, "msg"};
  MUST(msgsnd(queue, &letter, 4, 0));
  struct sembuf up = {.sem_num = 0, .sem_op = 1};
  MUST(semop(semaphores, &up, 1));
  const uint64_t nine = 9;
  CHECK_EQ(write(event, &nine, sizeof nine), 8);
  CHECK_EQ(send(sockets[1], "one", 4, 0), 4);
  CHECK_EQ(send(sockets[1], "two", 4, 0), 4);
  pthread_join(thread, NULL);
  msgctl(queue, IPC_RMID, NULL);
  semctl(semaphores, 0, IPC_RMID);

  const pid_t child = MUST(fork());
  if (child == 0) {
    char c;
    close(pipes[6][1]);
    _exit(read(pipes[6][0], &c, 1) == 1 ? 3 : 4);
  }
  char path[] = "/tmp/fred_waiting_XXXXXX";
  const int file = MUST(mkstemp(path));
  MUST(flock(file, LOCK_EX));
  pthread_t others[3];
  pthread_create(&others[0], NULL, sleep_a_bit, NULL);
  pthread_create(&others[1], NULL, wait_for_child, (void*)(long)child);
  pthread_create(&others[2], NULL, lock_file, path);
  sleep_a_bit(NULL);
  pass(pipes[6][1], "x");
  MUST(flock(file, LOCK_UN));
  for (int i = 0; i < 3; i++) pthread_join(others[i], NULL);
  unlink(path);
  return done();
}
