#include "tests/fuzz/generator.h"

#include <algorithm>
#include <cstring>

#include "core/base/check.h"
#include "tests/fuzz/initial_state.h"
#include "tests/fuzz/instructions.h"

namespace fred::fuzz {

namespace {

enum class Label : u32 {};
constexpr u32 nowhere = ~u32{0};

class Generator {
 public:
  Generator(Random& random, const Roles& roles, const Features& features, const Places& places, const Registers& regs)
      : random_(random), roles_(roles), places_(places), registers_(regs), make_(random, roles, features, places) {}

  void program();
  /// The code, placed; `table` gets the addresses that indirect transfers use.
  void place(Case& c);

 private:
  struct Item {
    Piece piece;
    u32 relative = 0;       // offset of a displacement that leads to `label`
    u32 relative_size = 0;  // 1 or 4
    u32 label = nowhere;
  };

  Label new_label() {
    labels_.push_back(nowhere);
    return Label{static_cast<u32>(labels_.size() - 1)};
  }
  void bind(Label l) { labels_[static_cast<u32>(l)] = static_cast<u32>(items_.size()); }
  void add(Piece piece) { items_.push_back({std::move(piece)}); }
  void bytes(std::initializer_list<u8> code) { add({std::vector<u8>(code)}); }
  void branch(std::vector<u8> opcode, Label to, u32 size) {
    const auto at = static_cast<u32>(opcode.size());
    opcode.resize(at + size);
    items_.push_back({{std::move(opcode)}, at, size, static_cast<u32>(to)});
  }
  u32 table_slot(Label to) {
    table_.push_back({to});
    return static_cast<u32>(table_.size() - 1);
  }
  u64 slot_address(u32 slot) const { return places_[Region::table].value + 8 * slot; }

  void straight(u32 count);
  void unit(u32 depth);
  void forward_branch(u32 depth);
  void loop();
  void call();
  void indirect(u32 depth);
  void indirect_through(Label to, bool call);
  void repeated_string();
  void frame();
  void stack_pair();
  void counter_load(u8 counter);
  void end();

  Random& random_;
  const Roles& roles_;
  const Places& places_;
  const Registers& registers_;
  InstructionMaker make_;
  std::vector<Item> items_;
  std::vector<u32> labels_;
  std::vector<Label> table_;
  std::vector<Label> functions_;
};

void Generator::straight(u32 count) {
  for (u32 i = 0; i < count; ++i) add(make_.any());
}

void Generator::forward_branch(u32 depth) {
  const auto target = new_label();
  const u8 condition = random_.byte() & 15;
  const bool near = random_.chance(70);
  switch (random_.below(6)) {
    case 0:
    case 1:
    case 2:
      if (random_.chance(8)) {
        branch({random_.of<u8>({0x2e, 0x3e}), 0x0f, static_cast<u8>(0x80 | condition)}, target, 4);
      } else if (near) {
        branch({static_cast<u8>(0x70 | condition)}, target, 1);
      } else {
        branch({0x0f, static_cast<u8>(0x80 | condition)}, target, 4);
      }
      break;
    case 3:
      if (random_.chance(30)) {
        branch({0x67, 0xe3}, target, 1);
      } else {
        branch({0xe3}, target, 1);
      }
      break;
    case 4:
      if (roles_[rcx] == Role::free) {
        branch({random_.of<u8>({0xe0, 0xe1, 0xe2})}, target, 1);
        break;
      }
      [[fallthrough]];
    default:
      if (near) {
        branch({0xeb}, target, 1);
      } else {
        branch({0xe9}, target, 4);
      }
  }
  // Not more than a short displacement spans.
  const u32 between = random_.below(5);
  for (u32 i = 0; i < between; ++i) {
    if (depth < 2 && random_.chance(15)) {
      const auto inner = new_label();
      branch({static_cast<u8>(0x70 | (random_.byte() & 15))}, inner, 1);
      straight(1);
      bind(inner);
    } else {
      straight(1);
    }
  }
  bind(target);
}

void Generator::counter_load(u8 counter) {
  if (counter >= 8) {
    bytes({0x41, static_cast<u8>(0xb8 | (counter & 7)), static_cast<u8>(1 + random_.below(4)), 0, 0, 0});
  } else {
    bytes({static_cast<u8>(0xb8 | counter), static_cast<u8>(1 + random_.below(4)), 0, 0, 0});
  }
}

void Generator::loop() {
  const u8 counter = make_.pick(Role::counter);
  if (counter == 255) return straight(1);
  counter_load(counter);
  const auto begin = new_label(), out = new_label();
  bind(begin);
  straight(random_.below(4));
  if (random_.chance(25)) branch({0x0f, static_cast<u8>(0x80 | (random_.byte() & 15))}, out, 4);
  straight(random_.below(2));
  const u8 rex = counter >= 8 ? 0x41 : 0x40, low = counter & 7;
  const u32 size = random_.chance(60) ? 1 : 4;
  const auto jump = [&](u8 condition) {
    if (size == 1) {
      branch({static_cast<u8>(0x70 | condition)}, begin, 1);
    } else {
      branch({0x0f, static_cast<u8>(0x80 | condition)}, begin, 4);
    }
  };
  switch (random_.below(counter == rcx ? 5 : 3)) {
    case 0:  // dec; jnz
      bytes({rex, 0xff, static_cast<u8>(0xc8 | low)});
      jump(5);
      break;
    case 1:  // sub 1; jg
      bytes({rex, 0x83, static_cast<u8>(0xe8 | low), 1});
      jump(15);
      break;
    case 2: {  // lea -1 leaves the flags; test; jnz and a jump back
      bytes({static_cast<u8>(rex | 8 | (counter >= 8 ? 4 : 0)), 0x8d,
             static_cast<u8>(0x40 | low << 3 | (low == 4 ? 4 : low)), static_cast<u8>(low == 4 ? 0x24 : 0xff)});
      if (low == 4) items_.back().piece.bytes.push_back(0xff);
      bytes({static_cast<u8>(rex | (counter >= 8 ? 4 : 0)), 0x85, static_cast<u8>(0xc0 | low << 3 | low)});
      branch({0x74}, out, 1);
      branch({0xe9}, begin, 4);
      break;
    }
    case 3:
      branch({0xe2}, begin, 1);
      break;
    default:
      branch({0xe3}, out, 1);
      branch({random_.of<u8>({0xe0, 0xe1})}, begin, 1);
  }
  bind(out);
}

void Generator::call() {
  if (functions_.empty()) return straight(1);
  const auto to = functions_[random_.below(static_cast<u32>(functions_.size()))];
  if (random_.chance(50)) {
    branch({0xe8}, to, 4);
  } else {
    indirect_through(to, true);
  }
}

/// An indirect transfer of any form. What is on the stack afterwards nobody cares about.
void Generator::indirect_through(Label to, bool call) {
  const u8 free = make_.pick(Role::free);
  const u32 slot = table_slot(to);
  const u8 operation = call ? 2 : 4;
  const auto relative = [&](std::vector<u8> code, u64 target) {  // …, ModRM with rip, disp32
    Piece piece{std::move(code)};
    piece.displacement = static_cast<u32>(piece.bytes.size());
    piece.target = target;
    piece.bytes.resize(piece.bytes.size() + 4);
    add(std::move(piece));
  };
  const auto load = [&](u8 r) {  // mov r, [rip+slot]
    relative({static_cast<u8>(0x48 | (r >= 8 ? 4 : 0)), 0x8b, static_cast<u8>((r & 7) << 3 | 5)}, slot_address(slot));
  };
  const u8 table = make_.pick(Role::table), index = make_.pick(Role::index);
  switch (random_.below(8)) {
    case 0:
      if (free == 255) break;
      load(free);
      if (free >= 8) {
        bytes({0x41, 0xff, static_cast<u8>(0xc0 | operation << 3 | (free & 7))});
      } else {
        bytes({0xff, static_cast<u8>(0xc0 | operation << 3 | free)});
      }
      return;
    case 1:  // through the stack
      relative({0xff, 0x35}, slot_address(slot));
      if (call || random_.chance(50)) {
        bytes({0xff, static_cast<u8>(operation << 3 | 4), 0x24});
      } else if (random_.chance(50)) {
        bytes({0xc3});
      } else {
        bytes({0xc2, static_cast<u8>(8 * random_.below(4)), 0});
      }
      return;
    case 2:  // further down the stack
      relative({0xff, 0x35}, slot_address(slot));
      bytes({0x50});
      if (random_.chance(50)) {
        bytes({0xff, static_cast<u8>(0x40 | operation << 3 | 4), 0x24, 8});
      } else {
        bytes({0xff, static_cast<u8>(0x80 | operation << 3 | 4), 0x24, 8, 0, 0, 0});
      }
      return;
    case 3:  // [table + index*8 + disp]
      if (table == 255 || index == 255 || static_cast<i64>(registers_.gpr[index]) < 0) break;
      {
        const u32 disp = static_cast<u32>(slot_address(slot) - registers_.gpr[table] - 8 * registers_.gpr[index]);
        const u8 rex = static_cast<u8>(0x40 | (index >= 8 ? 2 : 0) | (table >= 8 ? 1 : 0));
        bytes({rex, 0xff, static_cast<u8>(0x80 | operation << 3 | 4),
               static_cast<u8>(0xc0 | (index & 7) << 3 | (table & 7)), static_cast<u8>(disp),
               static_cast<u8>(disp >> 8), static_cast<u8>(disp >> 16), static_cast<u8>(disp >> 24)});
        if (places_.low_code() && random_.chance(30)) {  // the same with a 32-bit address
          auto& code = items_.back().piece.bytes;
          code.insert(code.begin(), 0x67);
        }
      }
      return;
    case 4: {  // fs:[disp32]
      const u32 disp = static_cast<u32>(slot_address(slot) - registers_.fs_base);
      bytes({0x64, 0xff, static_cast<u8>(operation << 3 | 4), 0x25, static_cast<u8>(disp), static_cast<u8>(disp >> 8),
             static_cast<u8>(disp >> 16), static_cast<u8>(disp >> 24)});
      return;
    }
    case 5:
      if (!places_.low_code()) break;
      relative({0x67, 0xff, static_cast<u8>(operation << 3 | 5)}, slot_address(slot));
      return;
    default:
      break;
  }
  if (random_.chance(20)) {
    relative({random_.of<u8>({0x3e, 0x48, 0xf2}), 0xff, static_cast<u8>(operation << 3 | 5)}, slot_address(slot));
  } else {
    relative({0xff, static_cast<u8>(operation << 3 | 5)}, slot_address(slot));
  }
}

void Generator::indirect(u32) {
  const auto target = new_label();
  indirect_through(target, random_.chance(40));
  straight(random_.below(3));
  bind(target);
}

void Generator::repeated_string() {
  const bool sources = roles_[rsi] == Role::pointer, targets = roles_[rdi] == Role::pointer;
  if (!targets || (roles_[rcx] != Role::free && roles_[rcx] != Role::counter)) return straight(1);
  if (random_.chance(85)) bytes({0xb9, static_cast<u8>(random_.below(40)), 0, 0, 0});
  std::vector<u8> code;
  if (random_.chance(5) && places_.low_scratch()) code.push_back(0x67);
  if (random_.chance(25)) code.push_back(0x66);
  code.push_back(random_.of<u8>({0xf3, 0xf3, 0xf2}));
  if (random_.chance(30)) code.push_back(0x48);
  const u8 wide = random_.byte() & 1;
  code.push_back(static_cast<u8>(
      (sources ? random_.of<u8>({0xa4, 0xa6, 0xaa, 0xac, 0xae}) : random_.of<u8>({0xaa, 0xae})) | wide));
  if ((code.back() & 0xfe) == 0xac && roles_[rax] != Role::free) code.back() = 0xa4;
  if (code[0] == 0x67 && roles_[rcx] == Role::counter) code.erase(code.begin());
  add({code});
  if (roles_[rcx] == Role::counter) counter_load(rcx);
}

/// enter and leave around something; only where rbp is nobody's.
void Generator::frame() {
  if (roles_[rbp] != Role::free) return straight(1);
  bytes({0xc8, static_cast<u8>(8 * random_.below(16)), 0, 0});
  if (random_.chance(50)) bytes({0x48, 0x8b, 0x45, static_cast<u8>(8 * random_.between(-2, 2))});  // mov rax, [rbp+…]
  if (roles_[rax] != Role::free && items_.back().piece.bytes[0] == 0x48) items_.pop_back();
  bytes({0xc9});
}

void Generator::stack_pair() {
  switch (random_.below(4)) {
    case 0:
      bytes({0x68, random_.byte(), random_.byte(), random_.byte(), random_.byte()});
      break;
    case 1:
      bytes({0x6a, random_.byte()});
      break;
    case 2: {
      Piece piece{{0xff, 0x35, 0, 0, 0, 0}, 2, make_.relative_target()};
      add(std::move(piece));
      break;
    }
    default:
      bytes({0x9c});  // pushfq
  }
  straight(random_.below(2));
  if (random_.chance(50)) {
    bytes({0x8f, 0x44, 0x24, static_cast<u8>(8 * random_.between(-2, 2))});  // pop [rsp+…]: after the pop
  } else if (random_.chance(40)) {
    Piece piece{{0x8f, 0x05, 0, 0, 0, 0}, 2, make_.relative_target()};
    add(std::move(piece));
  } else if (const u8 r = make_.pick(Role::free); r != 255) {
    if (r >= 8) {
      bytes({0x41, static_cast<u8>(0x58 | (r & 7))});
    } else {
      bytes({static_cast<u8>(0x58 | r)});
    }
  }
}

void Generator::unit(u32 depth) {
  const u32 kind = random_.below(100);
  if (kind < 55) {
    straight(1);
  } else if (kind < 70) {
    forward_branch(depth);
  } else if (kind < 76) {
    loop();
  } else if (kind < 82) {
    call();
  } else if (kind < 88) {
    indirect(depth);
  } else if (kind < 92) {
    repeated_string();
  } else if (kind < 95) {
    frame();
  } else {
    stack_pair();
  }
}

/// The last thing: a fault. What comes before has left with its own, or comes here.
void Generator::end() {
  const u8 free = make_.pick(Role::free), bad = make_.pick(Role::bad_pointer);
  switch (random_.below(14)) {
    case 0:  // div by zero, or what is left in the registers
      bytes({0x31, 0xc9}), bytes({0xf7, 0xf1});
      if (roles_[rcx] != Role::free) items_.pop_back(), items_.pop_back();
      break;
    case 1:
      add(make_.none());
      break;
    case 2:
      bytes({random_.of<u8>({0xf4, 0xfa, 0xec, 0xee, 0x6c, 0x6e})});  // hlt, cli, in, out, ins, outs
      break;
    case 3:
      bytes({0x0f, random_.of<u8>({0x06, 0x08, 0x09, 0x30, 0x32})});  // clts, invd, wbinvd, wrmsr, rdmsr
      break;
    case 4:  // a jump or call to nowhere
      if (free != 255) {
        const u64 to = random_.of<u64>({non_canonical, 0, 0x10, places_[Region::stack].value - 0x2000, random_.next()});
        Piece load{{static_cast<u8>(free >= 8 ? 0x49 : 0x48), static_cast<u8>(0xb8 | (free & 7))}};
        for (int i = 0; i < 8; ++i) load.bytes.push_back(static_cast<u8>(to >> 8 * i));
        add(std::move(load));
        const u8 low = free & 7;
        if (random_.chance(30)) {
          if (free >= 8) {
            bytes({0x41, static_cast<u8>(0x50 | low)});
          } else {
            bytes({static_cast<u8>(0x50 | low)});
          }
          bytes({0xc3});
        } else {
          const u8 modrm = static_cast<u8>(0xc0 | random_.of<u8>({2, 4}) << 3 | low);
          if (free >= 8) {
            bytes({0x41, 0xff, modrm});
          } else {
            bytes({0xff, modrm});
          }
        }
      }
      break;
    case 5:  // transfers that fault themselves
      if (bad != 255) {
        const u8 low = bad & 7;
        const u8 modrm =
            static_cast<u8>(random_.of<u8>({0x40, 0x80}) | random_.of<u8>({2, 4, 6}) << 3 | (low == 4 ? 4 : low));
        Piece piece{{static_cast<u8>(bad >= 8 ? 0x41 : 0x40), 0xff, modrm}};
        if (low == 4) piece.bytes.push_back(0x24);
        piece.bytes.insert(piece.bytes.end(), modrm >= 0x80 ? 4 : 1, 0);
        add(std::move(piece));
      }
      break;
    default:
      break;
  }
  bytes({0x0f, 0x0b});  // ud2
}

void Generator::program() {
  const u32 function_count = random_.chance(40) ? 1 + random_.below(2) : 0;
  if (function_count != 0) {
    const auto over = new_label();
    branch({0xe9}, over, 4);
    for (u32 i = 0; i < function_count; ++i) {
      const auto f = new_label();
      bind(f);
      straight(random_.below(4));
      if (random_.chance(30)) forward_branch(1);
      if (random_.chance(20)) {
        bytes({0xc2, static_cast<u8>(8 * random_.below(3)), 0});
      } else if (random_.chance(20)) {
        bytes({0xf3, 0xc3});
      } else {
        bytes({0xc3});
      }
      functions_.push_back(f);
    }
    bind(over);
  }
  const u32 units = 2 + random_.below(random_.chance(10) ? 60 : 14);
  for (u32 i = 0; i < units; ++i) unit(0);
  end();
}

void Generator::place(Case& c) {
  u32 size = 0;
  std::vector<u32> offsets;
  for (const auto& i : items_) {
    offsets.push_back(size);
    size += static_cast<u32>(i.piece.bytes.size());
  }
  const auto room = static_cast<u32>(region_size(Region::code));
  FRED_CHECK(size < room, "a case of {} bytes", size);
  switch (random_.below(3)) {
    case 0:  // across the middle of the region
      c.offset = size / 2 < page_size ? static_cast<u32>(page_size) - random_.below(size + 1) : 0;
      c.offset = std::min(c.offset, room - size);
      break;
    case 1:
      c.offset = random_.below(room - size);
      break;
    default:  // up to its very end: the ud2 goes, execution falls off
      if (random_.chance(30)) {
        size -= 2;
        items_.pop_back();
      }
      c.offset = room - size;
  }
  const u64 start = places_[Region::code].value + c.offset;
  c.code.clear();
  for (std::size_t k = 0; k < items_.size(); ++k) {
    auto& i = items_[k];
    auto& b = i.piece.bytes;
    const u64 next = start + offsets[k] + b.size();
    if (i.label != nowhere) {
      const u32 item = labels_[i.label];
      const u64 target = start + (item < offsets.size() ? offsets[item] : size);
      const i64 d = static_cast<i64>(target - next);
      FRED_CHECK(i.relative_size == 4 || d == static_cast<i8>(d), "a short branch over {} bytes", d);
      std::memcpy(&b[i.relative], &d, i.relative_size);
    }
    if (i.piece.displacement != 0) {
      const i64 d = static_cast<i64>(i.piece.target - next);
      FRED_CHECK(d == static_cast<i32>(d), "an operand at a distance of {} bytes", d);
      std::memcpy(&b[i.piece.displacement], &d, 4);
    }
    c.items.push_back(static_cast<u32>(c.code.size()));
    c.code.insert(c.code.end(), b.begin(), b.end());
  }
  for (const auto l : table_) {
    const u32 item = labels_[static_cast<u32>(l)];
    c.table.push_back(start + (item < offsets.size() ? offsets[item] : size));
  }
}

}  // namespace

Case make_case(u64 seed, const Features& features, const Places& places, const std::vector<u8>& vector_template,
               u64 vector_mask) {
  Random random(seed);
  Case c;
  const auto roles = make_roles(random);
  make_state(random, roles, places, vector_template, vector_mask, c);
  Generator generator(random, roles, features, places, c.registers);
  generator.program();
  generator.place(c);
  return c;
}

}  // namespace fred::fuzz
