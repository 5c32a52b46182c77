// How fast guest code is decoded: the text of this program's own libc, one instruction
// after another, as the translator meets it.
#include <benchmark/benchmark.h>
#include <link.h>

#include <cstring>
#include <span>

#include "core/translate/instruction.h"

namespace {

using fred::u64;
using fred::u8;

/// The largest executable segment of libc; ld.so has mapped it all.
std::span<const u8> libc_text() {
  std::span<const u8> text;
  dl_iterate_phdr(
      [](dl_phdr_info* object, std::size_t, void* result) {
        if (!std::strstr(object->dlpi_name, "libc.so")) return 0;
        auto& found = *static_cast<std::span<const u8>*>(result);
        for (int i = 0; i < object->dlpi_phnum; ++i) {
          const auto& segment = object->dlpi_phdr[i];
          if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) && segment.p_memsz > found.size())
            found = {reinterpret_cast<const u8*>(object->dlpi_addr + segment.p_vaddr), segment.p_memsz};
        }
        return 1;
      },
      &text);
  return text;
}

void decode(benchmark::State& state) {
  const auto text = libc_text();
  if (text.empty()) return state.SkipWithError("no libc.so is mapped");
  u64 instructions = 0, bytes = 0;
  for (auto _ : state) {
    // What lies between functions (padding, tables) costs one byte's try each.
    for (std::size_t at = 0; at < text.size();) {
      const auto code = text.subspan(at);
      const auto decoded = fred::decode(fred::GuestAddr{reinterpret_cast<u64>(code.data())}, code);
      at += decoded ? decoded->length : 1;
      instructions += decoded.has_value();
    }
    bytes += text.size();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(instructions));
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(decode)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
