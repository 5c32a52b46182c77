// All that stays mapped of an engine in a program that has become native again (docs/ATTACH.md): the frames by which
// its threads leave, and the code of their last steps, which unmaps the rest. Whoever attaches next unmaps these pages.
#pragma once
#include <string_view>

#include "core/base/types.h"

namespace fred {

class AddressMap;

/// What the first page has at its begin, where nothing is left of the engine but this.
struct RemainsHeader {
  static constexpr u64 right_magic = 0x736e69616d657246;
  /// The name of what it is mapped of, as /proc/PID/maps has it.
  static constexpr std::string_view path = "/memfd:fred-remains (deleted)";

  u64 magic = 0;
  u64 size = 0;  // of all of it
};

class Remains {
 public:
  /// With room for as many frames.
  Remains(std::size_t frames, u64 frame_size);

  u8* frame(std::size_t index) const { return frames_ + index * frame_size_; }
  /// Finds out what is the engine's, which must not change from then on: what is mapped and neither in the table, nor
  /// the kernel's, nor this. `leaving`: threads that leave(), which the last one waits for.
  void find_engine(const AddressMap& table, u32 leaving);

  // With the program's segments and all signals blocked. `sp`: where a handler's return finds its frame.
  [[noreturn]] void leave(u64 sp) const;
  /// The last one unmaps the engine and closes that descriptor, by which others know that it is done. sp 0: the thread
  /// ends.
  [[noreturn]] void unmap_engine(u64 sp, i64 descriptor) const;

 private:
  struct Piece {
    u64 begin, size;
  };
  u64 find_pieces(const AddressMap& table, Piece* to) const;
  u64 code(const char* function) const;

  GuestRange range_;
  u8* frames_;
  u64 frame_size_;
  u32* leaving_;
  GuestRange list_;
  u64 pieces_ = 0;
};

}  // namespace fred
