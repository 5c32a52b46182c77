#include "tests/fuzz/bench.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "core/arch/x86/guest_cpu.h"
#include "core/base/check.h"
#include "core/signals/kernel_signals.h"
#include "tests/fuzz/native.h"
#include "tests/fuzz/random.h"

namespace fred::fuzz {

namespace {

constexpr u64 code_places[] = {0x20000000, 0x550000000000, 0x7c0000000000, 0xc000000000};
constexpr u64 far_away = 0x7fe00000;  // still within reach of a rip-relative operand
constexpr u8 filler = 0xf4;           // hlt: a general protection fault
constexpr u32 pkru = 9;

constexpr struct {
  const char* name;
  bool TranslateOptions::*option;
  bool value;
} switches[] = {{" --no-link", &TranslateOptions::link, false},
                {" --no-inline-lookup", &TranslateOptions::inline_lookup, false},
                {" --single-block", &TranslateOptions::single_block, true},
                {" --no-traces", &TranslateOptions::traces, false},
                {" --full-decoder", &TranslateOptions::quick_decoder, false},
                {" --one-counter", &TranslateOptions::several_counters, false},
                {" --no-light", &TranslateOptions::light, false}};

u64 size_of(Region r) { return region_size(r); }

}  // namespace

Setting make_setting(u64 seed) {
  Random random(seed);
  Setting s;
  for (const auto& w : switches) {
    if (!random.chance(25)) continue;
    s.translate.*w.option = w.value;
    s.text += w.name;
  }
  if (random.chance(20)) s.checked = true, s.text += " checked";
  const u64 code = code_places[random.below(std::size(code_places))] + 0x100000 + page_size * random.below(100);
  auto& at = s.places.at;
  const auto put = [&](Region r, u64 address) { at[static_cast<u32>(r)] = GuestAddr{address}; };
  put(Region::code, code);
  put(Region::near, code + 0x10000);
  put(Region::table, code + 0x20000);
  put(Region::far_above, code + far_away);
  if (code > far_away + 0x1000000) put(Region::far_below, code - far_away);
  put(Region::scratch, random.chance(50) ? 0x30000000 : 0x7b0000000000);
  put(Region::stack, random.chance(30) ? 0x38000000 : 0x7b8000000000);
  s.text = fmt::format("code at {:#x}, scratch at {:#x}{}", code, s.places[Region::scratch].value, s.text);
  return s;
}

Bench::Bench(const Setting& setting) : setting_(setting) {
  Random random(1);
  for (u32 k = 0; k < regions; ++k) {
    const auto r = static_cast<Region>(k);
    if (setting_.places[r].value == 0) continue;
    map(r);
    if (!writable(r)) continue;
    auto& bytes = initial_[k];
    bytes.resize(size_of(r));
    for (u64 at = 0; at < bytes.size(); at += 8) {
      const u64 v = random.value();
      std::memcpy(&bytes[at], &v, 8);
    }
  }
  source_ =
      std::make_unique<FuzzSource>(guest_range(setting_.places[Region::code], size_of(Region::code)), setting_.checked);
  cpu_ = std::make_unique<Cpu>(engine_, *source_, setting_.translate);
  install_kernel_signals(*cpu_);
  install_native_signals();
  const u64 gs = setting_.places[Region::scratch].value + page_size;
  asm volatile("wrgsbase %0" ::"r"(gs));
  vector_template_.assign(cpu_->vector_area(), cpu_->vector_area() + cpu_->vector_size());
  if ((cpu_->vector_mask() >> pkru & 1) != 0) {
    u32 keys, zero;
    asm volatile("rdpkru" : "=a"(keys), "=d"(zero) : "c"(0));
    std::memcpy(&vector_template_[xsave_component(pkru).offset], &keys, sizeof keys);
  }
  native_vector_ = static_cast<u8*>(
      mmap(nullptr, page_ceil(cpu_->vector_size()), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

/// In the guest's table, so that the engine keeps off it; code and table are really files mapped twice, for
/// they are not writable where the case sees them.
void Bench::map(Region r) {
  const auto at = setting_.places[r];
  const int prot = r == Region::code ? PROT_READ | PROT_EXEC : writable(r) ? PROT_READ | PROT_WRITE : PROT_READ;
  const i64 got = engine_.memory().map(
      {.addr = at, .size = size_of(r), .prot = prot, .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED});
  FRED_CHECK(got == static_cast<i64>(at.value), "mapping a region at {:#x} gave {}", at.value, got);
  if (writable(r)) return;
  const int fd = memfd_create("fred-fuzz", 0);
  FRED_CHECK(fd >= 0 && ftruncate(fd, static_cast<off_t>(size_of(r))) == 0, "no memory file");
  FRED_CHECK(mmap(at.ptr(), size_of(r), prot, MAP_SHARED | MAP_FIXED, fd, 0) == at.ptr(), "cannot map the code");
  void* view = mmap(nullptr, size_of(r), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  FRED_CHECK(view != MAP_FAILED, "cannot map the code's view");
  close(fd);
  (r == Region::code ? code_view_ : table_view_) = static_cast<u8*>(view);
}

void Bench::write_code(const Case& c) {
  std::memset(code_view_, filler, size_of(Region::code));
  std::memcpy(code_view_ + c.offset, c.code.data(), c.code.size());
  std::memset(table_view_, 0, size_of(Region::table));
  std::memcpy(table_view_, c.table.data(), std::min(c.table.size() * 8, page_size));
  cpu_->cache().invalidate(guest_range(setting_.places[Region::code], size_of(Region::code)));
}

void Bench::reset_memory() {
  for (u32 k = 0; k < regions; ++k) {
    if (!initial_[k].empty()) std::memcpy(setting_.places.at[k].ptr(), initial_[k].data(), initial_[k].size());
  }
}

void Bench::take_memory(Outcome& outcome) const {
  for (u32 k = 0; k < regions; ++k) {
    const auto* at = setting_.places.at[k].ptr<const u8>();
    if (!initial_[k].empty()) outcome.memory[k].assign(at, at + initial_[k].size());
  }
}

bool Bench::native(const Case& c, Outcome& outcome) {
  reset_memory();
  std::memcpy(native_vector_, c.vector.data(), c.vector.size());
  const bool ended = run_native(c, setting_.places, native_vector_, *cpu_, outcome);
  take_memory(outcome);
  return ended;
}

Bench::Verdict Bench::run(const Case& c, u64 seed, std::string& report) {
  write_code(c);
  Outcome expected;
  if (!native(c, expected)) return Verdict::too_long;
  u64 ticks = 0, visits = 0;
  constexpr std::pair<Manner, const char*> manners[] = {{Manner::run, "run"},
                                                        {Manner::stopped, "run with stops"},
                                                        {Manner::stepped, "stepped"},
                                                        {Manner::broken, "run with breaks"}};
  for (const auto& [manner, name] : manners) {
    if (manner == Manner::stopped && mix(seed) % 4 != 0) continue;
    if ((manner == Manner::stepped || manner == Manner::broken) && mix(seed + 1) % 4 != 0) continue;
    reset_memory();
    auto t = run_translated(c, setting_.places, *cpu_, manner, seed);
    take_memory(t.outcome);
    if (t.left_for_effect || t.no_end) return Verdict::strayed;
    if (t.outcome.fetch && cpu_->cache().in_cache(t.outcome.registers.rip)) return Verdict::strayed;
    report = difference(expected, t.outcome, vector_mask());
    if (!t.problem.empty()) report += fmt::format("  {}\n", t.problem);
    if (manner == Manner::run) {
      ticks = t.ticks;
    } else if (t.ticks != ticks) {
      report += fmt::format("  {} ticks, but {} when run\n", t.ticks, ticks);
    }
    if (manner == Manner::stepped) {
      visits = t.visits;
    } else if (manner == Manner::broken && t.visits != visits) {
      report += fmt::format("  {} stops at breaks, but execution comes there {} times\n", t.visits, visits);
    }
    if (report.empty()) continue;
    Outcome again;
    if (!native(c, again) || !difference(expected, again, vector_mask()).empty()) return Verdict::not_deterministic;
    report = fmt::format("  {}:\n{}", name, report);
    return Verdict::different;
  }
  return Verdict::same;
}

Case Bench::smaller(const Case& c, u64 seed) {
  Case best = c;
  std::string ignored;
  for (std::size_t k = best.items.size(); k-- > 0;) {
    Case tried = best;
    const u32 end = k + 1 < tried.items.size() ? tried.items[k + 1] : static_cast<u32>(tried.code.size());
    std::fill(tried.code.begin() + tried.items[k], tried.code.begin() + end, u8{0x90});
    if (run(tried, seed, ignored) == Verdict::different) best = std::move(tried);
  }
  return best;
}

}  // namespace fred::fuzz
