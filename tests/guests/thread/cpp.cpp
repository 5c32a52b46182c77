// Threads of C++: std::thread, async and futures, condition variables with time limits, waiting on atomics, semaphores,
// barriers, thread_local objects with destructors, exceptions that pass between threads.
// build: -pthread -std=c++20
#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <numeric>
#include <semaphore>
#include <shared_mutex>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

#include "common.h"

using namespace std::chrono_literals;

static std::atomic<int> constructed, destroyed;

struct Counted {
  int value = 0;
  Counted() { ++constructed; }
  ~Counted() { ++destroyed; }
};
static thread_local Counted counted;

static void locals() {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; i++)
    threads.emplace_back([i] {
      for (int j = 0; j <= i; j++) counted.value++;
      CHECK_EQ(counted.value, i + 1);
    });
  for (auto& t : threads) t.join();
  CHECK_EQ(constructed.load(), 8);
  CHECK_EQ(destroyed.load(), 8);
}

static void futures() {
  std::vector<std::future<long>> parts;
  for (long i = 0; i < 6; i++)
    parts.push_back(std::async(std::launch::async, [i] {
      std::vector<long> numbers(1000);
      std::iota(numbers.begin(), numbers.end(), i * 1000);
      return std::accumulate(numbers.begin(), numbers.end(), 0L);
    }));
  long sum = 0;
  for (auto& p : parts) sum += p.get();
  CHECK_EQ(sum, 5999L * 6000 / 2);
  auto failing = std::async(std::launch::async, []() -> int { throw std::runtime_error("from a thread"); });
  try {
    failing.get();
    CHECK(false);
  } catch (const std::runtime_error& e) {
    CHECK(strcmp(e.what(), "from a thread") == 0);
  }
  std::promise<int> promise;
  std::thread setter([&] { promise.set_value(5); });
  CHECK_EQ(promise.get_future().get(), 5);
  setter.join();
}

static void queue() {
  std::mutex mutex;
  std::condition_variable filled;
  std::deque<int> items;
  long got = 0;
  std::jthread consumer([&] {
    for (int item = 1; item != 0;) {
      std::unique_lock lock(mutex);
      filled.wait(lock, [&] { return !items.empty(); });
      got += item = items.front();
      items.pop_front();
    }
  });
  for (int i = 500; i >= 0; i--) {
    {
      const std::lock_guard lock(mutex);
      items.push_back(i);
    }
    filled.notify_one();
  }
  consumer.join();
  CHECK_EQ(got, 500 * 501 / 2);
  std::unique_lock lock(mutex);
  const auto before = std::chrono::steady_clock::now();
  CHECK(filled.wait_for(lock, 3ms) == std::cv_status::timeout || true);  // it may wake for no reason
  CHECK(!filled.wait_for(lock, 3ms, [] { return false; }));
  CHECK(std::chrono::steady_clock::now() - before >= 3ms);
}

static void atomics() {
  std::atomic<int> turn = 0;
  long sum = 0;
  const auto play = [&](int self) {
    for (int i = 0; i < 300; i++) {
      for (int t; (t = turn.load()) % 2 != self;) turn.wait(t);
      sum += self + 1;
      turn++;
      turn.notify_all();
    }
  };
  std::thread other(play, 1);
  play(0);
  other.join();
  CHECK_EQ(sum, 900);
}

static void others() {
  std::counting_semaphore<3> free{3};
  std::barrier together(4);
  std::shared_mutex mutex;
  std::atomic<int> inside, most;
  long written = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; i++)
    threads.emplace_back([&] {
      for (int round = 0; round < 50; round++) {
        free.acquire();
        const int now = ++inside;
        if (now > most) most = now;
        std::this_thread::yield();
        --inside;
        free.release();
        together.arrive_and_wait();
        {
          const std::unique_lock lock(mutex);
          written++;
        }
        const std::shared_lock lock(mutex);
        CHECK(written > round * 4);
      }
    });
  threads.clear();
  CHECK(most <= 3);
  CHECK_EQ(written, 200);
  std::jthread until_stopped([](const std::stop_token& stop) {
    while (!stop.stop_requested()) std::this_thread::sleep_for(1ms);
  });
}

int main() {
  locals();
  futures();
  queue();
  atomics();
  others();
  return done();
}
