// What one process needs to execute cases: the memory regions, an engine with a Cpu, and the comparison.
#pragma once
#include <string>

#include "tests/fuzz/case.h"
#include "tests/fuzz/features.h"
#include "tests/fuzz/translated.h"

namespace fred::fuzz {

/// What varies from group to group of cases.
struct Setting {
  TranslateOptions translate;
  bool checked = false;  // blocks compare their source when they are entered
  Places places;
  std::string text;
};
Setting make_setting(u64 seed);

class Bench {
 public:
  /// One per process: it takes over the signals.
  explicit Bench(const Setting& setting);

  enum class Verdict : u8 {
    same,
    different,
    strayed,  // into what only one of the executions can be in: the engine's memory, instructions that the
              // engine carries out (in bytes not meant as such), loops that would take too long to step
    too_long,
    not_deterministic,
  };
  /// Executes the case natively and translated in several manners. `report` says what differs.
  Verdict run(const Case& c, u64 seed, std::string& report);
  /// The same case with nops in place of every instruction that does not matter for the failure.
  Case smaller(const Case& c, u64 seed);

  const std::vector<u8>& vector_template() const { return vector_template_; }
  u64 vector_mask() const { return cpu_->vector_mask(); }

 private:
  void map(Region r);
  void write_code(const Case& c);
  void reset_memory();
  void take_memory(Outcome& outcome) const;
  bool native(const Case& c, Outcome& outcome);

  Setting setting_;
  FuzzEngine engine_;
  std::unique_ptr<FuzzSource> source_;
  std::unique_ptr<Cpu> cpu_;
  u8* code_view_ = nullptr;  // the code region's pages, writable
  u8* table_view_ = nullptr;
  u8* native_vector_ = nullptr;
  std::vector<u8> vector_template_;
  std::array<std::vector<u8>, regions> initial_;
};

}  // namespace fred::fuzz
