// What threads cost: `threads WHAT [N]` does one thing N times and prints how long it took by its own clock
// (bench/threads.py says what each is).
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace {

double now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

unsigned long compute(unsigned long steps) {
  unsigned long v = steps;
  for (unsigned long i = 0; i < steps; ++i) v = v % 3 == 0 ? v / 3 + i : v * 5 + 1;
  return v;
}

void create_and_join(int n) {
  for (int i = 0; i < n; ++i) std::thread([] {}).join();
}

/// Two threads wake each other in turn: n hand-overs.
void hand_over(int n) {
  std::mutex m;
  std::condition_variable turned;
  int turn = 0;
  const auto side = [&](int own) {
    for (int i = 0; i < n / 2; ++i) {
      std::unique_lock lock(m);
      turned.wait(lock, [&] { return turn == own; });
      turn = 1 - own;
      turned.notify_one();
    }
  };
  std::thread other(side, 1);
  side(0);
  other.join();
}

/// A thread spins until another one has slept for n ms.
void spin(int n) {
  std::atomic<bool> done = false;
  std::thread sleeper([&] {
    usleep(static_cast<useconds_t>(n) * 1000);
    done = true;
  });
  while (!done) {
  }
  sleeper.join();
}

/// Two threads that hand the turn to each other n times, and wait for it by spinning.
template <void (*relax)()>
void spin_in_turns(int n) {
  std::atomic<int> turn = 0;
  const auto side = [&](int own) {
    for (int i = own; i < n; i += 2) {
      while (turn != i) relax();
      turn = i + 1;
    }
  };
  std::thread other(side, 1);
  side(0);
  other.join();
}
void pause_once() { __builtin_ia32_pause(); }
void do_nothing() {}

/// n barriers of OpenMP: threads wait there by spinning for a while before they sleep.
void barriers(int n) {
  volatile unsigned long sum = 0;
#pragma omp parallel num_threads(2)
  for (int i = 0; i < n; ++i) {
    sum = sum + compute(100);
#pragma omp barrier
  }
}

/// n threads that wait, while this one computes.
void among_idle(int n) {
  std::mutex m;
  std::condition_variable go;
  bool over = false;
  std::vector<std::thread> idle;
  for (int i = 0; i < n; ++i) {
    idle.emplace_back([&] {
      std::unique_lock lock(m);
      go.wait(lock, [&] { return over; });
    });
  }
  const double begin = now();
  const volatile unsigned long result = compute(200'000'000);
  (void)result;
  std::printf("%.6f\n", now() - begin);
  {
    const std::lock_guard lock(m);
    over = true;
  }
  go.notify_all();
  for (auto& t : idle) t.join();
  std::exit(0);
}

/// n threads with short critical sections.
void sections(int n) {
  std::mutex m;
  unsigned long sum = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < n; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 2'000'000 / n; ++k) {
        const std::lock_guard lock(m);
        sum += compute(20);
      }
    });
  }
  for (auto& t : threads) t.join();
}

class Queue {
 public:
  void put(int v) {
    {
      std::unique_lock lock(m_);
      room_.wait(lock, [&] { return values_.size() < 64; });
      values_.push_back(v);
    }
    some_.notify_one();
  }
  int take() {
    int v;
    {
      std::unique_lock lock(m_);
      some_.wait(lock, [&] { return !values_.empty(); });
      v = values_.front();
      values_.pop_front();
    }
    room_.notify_one();
    return v;
  }

 private:
  std::mutex m_;
  std::condition_variable some_, room_;
  std::deque<int> values_;
};

/// One producer, one consumer, n values.
void queue(int n) {
  Queue q;
  unsigned long sum = 0;
  std::thread consumer([&] {
    for (int i = 0; i < n; ++i) sum += static_cast<unsigned long>(q.take());
  });
  for (int i = 0; i < n; ++i) q.put(i);
  consumer.join();
}

/// Four workers that take n tasks of some microseconds.
void pool(int n) {
  Queue tasks;
  std::vector<std::thread> workers;
  std::atomic<unsigned long> sum = 0;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      for (int task; (task = tasks.take()) >= 0;) sum += compute(2000);
    });
  }
  for (int i = 0; i < n; ++i) tasks.put(i);
  for (int i = 0; i < 4; ++i) tasks.put(-1);
  for (auto& t : workers) t.join();
}

constexpr struct {
  const char* name;
  void (*function)(int);
} rows[] = {{"create", create_and_join},
            {"hand-over", hand_over},
            {"spin", spin},
            {"idle", among_idle},
            {"sections", sections},
            {"queue", queue},
            {"pool", pool},
            {"pauses", spin_in_turns<pause_once>},
            {"spins", spin_in_turns<do_nothing>},
            {"barriers", barriers}};

}  // namespace

int main(int argc, char** argv) {
  for (const auto& row : rows) {
    if (argc != 3 || std::strcmp(argv[1], row.name) != 0) continue;
    const double begin = now();
    row.function(std::atoi(argv[2]));
    std::printf("%.6f\n", now() - begin);
    return 0;
  }
  std::fputs("usage: threads WHAT N\n", stderr);
  return 2;
}
