// Which processes are dead: by children in each of the states that can be mistaken.
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "core/base/process_state.h"
#include "test.h"

namespace fred {

namespace {

void await_state(pid_t pid, char state) {
  while (process_state(pid) != state) std::this_thread::yield();
}

/// Ended, and nobody has waited for it.
void await_zombie(pid_t pid) {
  siginfo_t info{};
  REQUIRE(waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) == 0);
}

void* sleep_for_good(void*) {
  for (;;) pause();
}

}  // namespace

TEST_CASE("process state: a process lives until it is killed, and is dead before and after it is waited for") {
  CHECK(!is_dead(getpid()));
  const pid_t pid = fork();
  if (pid == 0) sleep_for_good(nullptr);
  REQUIRE(pid > 0);
  CHECK(!is_dead(pid));
  kill(pid, SIGKILL);
  await_zombie(pid);
  CHECK(process_state(pid) == 'Z');
  CHECK(is_dead(pid));
  REQUIRE(waitpid(pid, nullptr, 0) == pid);
  CHECK(process_state(pid) == 0);
  CHECK(is_dead(pid));
}

TEST_CASE("process state: a process whose main thread has ended lives as long as another thread") {
  const pid_t pid = fork();
  if (pid == 0) {
    pthread_t other;
    if (pthread_create(&other, nullptr, sleep_for_good, nullptr) != 0) _exit(1);
    syscall(SYS_exit, 0);
  }
  REQUIRE(pid > 0);
  await_state(pid, 'Z');
  CHECK(!is_dead(pid));
  kill(pid, SIGKILL);
  await_zombie(pid);
  CHECK(is_dead(pid));
  REQUIRE(waitpid(pid, nullptr, 0) == pid);
}

TEST_CASE("process state: a process is dead once its descriptors are closed") {
  for (int i = 0; i < 200; ++i) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t pid = fork();
    if (pid == 0) sleep_for_good(nullptr);
    REQUIRE(pid > 0);
    close(ends[1]);
    kill(pid, SIGKILL);
    char c;
    CHECK(read(ends[0], &c, 1) == 0);
    CHECK(is_dead(pid));
    close(ends[0]);
    REQUIRE(waitpid(pid, nullptr, 0) == pid);
  }
}

}  // namespace fred
