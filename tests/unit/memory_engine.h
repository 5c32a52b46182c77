// An engine with nothing but a guest's memory, for tests of the parts that work on it. It notes what it is told.
#pragma once
#include <string>
#include <vector>

#include "core/engine.h"
#include "core/memory/guest_memory.h"
#include "test.h"

namespace fred::test {

class MemoryEngine : public Engine {
 public:
  explicit MemoryEngine(Mode mode = Mode::run, std::string dir = {}) : mode_(mode), dir_(std::move(dir)) {}
  ~MemoryEngine() override { memory_.clear_guest(); }
  MemoryEngine(const MemoryEngine&) = delete;
  MemoryEngine& operator=(const MemoryEngine&) = delete;

  Mode mode() const override { return mode_; }
  GuestMemory& memory() override { return memory_; }
  GuestProcess& process() override { return process_; }
  bool owns_descriptor(i64) const override { return false; }
  const std::string& recording_dir() const override { return dir_; }
  u32 process_number() const override { return 1; }
  void notice_once(u64, const std::string& line) override { notices.push_back(line); }
  void code_gone(GuestRange range) override { gone.push_back(range); }
  void code_mapped(GuestRange range) override { mapped.push_back(range); }
  void open_pages(GuestRange) override {}

  void set_mode(Mode mode) { mode_ = mode; }
  std::vector<GuestRange> gone, mapped;
  std::vector<std::string> notices;

 private:
  Mode mode_;
  std::string dir_;
  GuestProcess process_;
  GuestMemory memory_{*this};
};

}  // namespace fred::test
