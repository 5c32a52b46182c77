// What single steps find in a stretch of a recorded guest: the oracle for conditions, collectors and traces.
#pragma once
#include <cstring>
#include <map>
#include <optional>
#include <set>

#include "tests/unit/recorded_guest.h"

namespace fred {

/// A Time of the stretch, as a step arrived there.
struct SteppedTime {
  Time time;
  Registers registers;
  u64 event = 0;
  u8 code[2] = {};
};

/// Steps from one marker of tests/guests/time/stores.c to the last, or over any other stretch.
class SteppedGuest {
 public:
  /// `pages`: whose contents are followed.
  SteppedGuest(RecordedGuest& recorded, const Time& begin, const Time& end, const std::vector<GuestAddr>& pages = {}) {
    const auto events = recorded.events();
    std::optional<GuestRange> child;  // the events of a vfork child: nobody stops there
    for (const auto& e : events) {
      if (e.kind != EventKind::vfork_end) continue;
      u64 call = e.number - 1;
      while (events[call].kind != EventKind::syscall || events[call].registers.gpr[rax] != 56) --call;
      child = GuestRange{GuestAddr{call + 1}, GuestAddr{e.number + 1}};
    }
    auto worker = recorded.worker();
    auto at = worker.run_to(begin);
    REQUIRE(at);
    REQUIRE(at->time == begin);
    for (;;) {
      if (!child || !child->contains(GuestAddr{at->event})) visit(worker, *at, pages);
      if (at->time >= end) break;
      at = worker.step(1);
      REQUIRE(at);
      REQUIRE(at->reason == static_cast<u64>(StopReason::reached));
    }
  }

  const std::vector<SteppedTime>& times() const { return times_; }

  /// All changes of the register.
  std::vector<Hit> changes(Gpr gpr) const {
    std::vector<Hit> hits;
    for (std::size_t i = 1; i < times_.size(); ++i) {
      const u64 before = times_[i - 1].registers.gpr[gpr], now = times_[i].registers.gpr[gpr];
      if (before == now) continue;
      hits.push_back(
          {.at = times_[i - 1].time, .after = times_[i].time, .before = bytes_of(before), .now = bytes_of(now)});
    }
    return hits;
  }

  /// All changes of the bytes, each as a watch must report it.
  std::vector<Hit> changes(GuestRange range) const {
    std::vector<Hit> hits;
    std::map<u64, std::vector<u8>> pages;
    std::vector<u8> before;
    for (std::size_t i = 0; i < changes_.size();) {
      const std::size_t step = changes_[i].step;
      for (; i < changes_.size() && changes_[i].step == step; ++i) pages[changes_[i].page] = changes_[i].bytes;
      auto now = bytes_in(pages, range);
      if (step != 0 && now != before) {
        hits.push_back({.at = times_[step - 1].time, .after = times_[step].time, .before = before, .now = now});
      }
      before = std::move(now);
    }
    return hits;
  }

 private:
  struct PageChange {
    std::size_t step;
    u64 page;
    std::vector<u8> bytes;  // empty: not readable
  };

  void visit(Peer& worker, const Standing& at, const std::vector<GuestAddr>& pages) {
    times_.push_back({.time = at.time, .registers = registers_of(worker), .event = at.event});
    const auto code = worker.memory(at.time.pc, 2);
    REQUIRE(code);
    std::copy(code->begin(), code->end(), times_.back().code);
    for (const auto page : pages) {
      auto bytes = worker.memory(page, page_size);
      REQUIRE(bytes);
      if (const auto last = last_.find(page.value); last != last_.end() && last->second == *bytes) continue;
      last_[page.value] = *bytes;
      changes_.push_back({.step = times_.size() - 1, .page = page.value, .bytes = std::move(*bytes)});
    }
  }

  static std::vector<u8> bytes_of(u64 value) {
    std::vector<u8> bytes(sizeof value);
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
  }

  /// As far as they are readable, from the first on.
  static std::vector<u8> bytes_in(const std::map<u64, std::vector<u8>>& pages, GuestRange range) {
    std::vector<u8> bytes;
    for (GuestAddr at = range.begin; at < range.end; at = at + 1) {
      const auto page = pages.find(page_floor(at.value));
      if (page == pages.end() || page->second.empty()) break;
      bytes.push_back(page->second[at.value % page_size]);
    }
    return bytes;
  }

  std::vector<SteppedTime> times_;
  std::map<u64, std::vector<u8>> last_;
  std::vector<PageChange> changes_;
};

/// What the markers of time/stores say.
struct Markers {
  Time begin, end;
  std::vector<GuestRange> areas;
  std::vector<GuestAddr> pages() const {
    std::set<u64> found;
    for (const auto& a : areas) {
      for (u64 p = page_floor(a.begin.value); p < a.end.value; p += page_size) found.insert(p);
    }
    std::vector<GuestAddr> all;
    for (const u64 p : found) all.emplace_back(p);
    return all;
  }
};
inline Markers markers_of(const RecordedGuest& recorded) {
  Markers m;
  for (const auto& e : recorded.events()) {
    const auto& g = e.registers.gpr;
    if (e.kind != EventKind::syscall || g[rax] != 1 || g[rdi] != 1000) continue;
    if (m.areas.size() < 3) {
      m.begin = e.time;
      m.areas.push_back(guest_range(GuestAddr{g[rsi]}, g[rdx]));
    } else {
      m.end = e.time;
    }
  }
  REQUIRE(m.areas.size() == 3);
  REQUIRE(m.begin < m.end);
  return m;
}

inline std::string text_of(const Hit& h) {
  const auto bytes = [](const std::vector<u8>& v) {
    std::string text;
    for (const u8 b : v) text += fmt::format("{:02x}", b);
    return text;
  };
  return fmt::format("{} {:#x} -> {} {:#x}: {} -> {}", text_of(h.at), h.at.pc.value, text_of(h.after), h.after.pc.value,
                     bytes(h.before), bytes(h.now));
}

}  // namespace fred
