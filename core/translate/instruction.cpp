#include "core/translate/instruction.h"

#include <array>

#include "core/base/check.h"

namespace fred {

namespace {

const ZydisDecoder& decoder() {
  static const ZydisDecoder d = [] {
    ZydisDecoder made;
    ZydisDecoderInit(&made, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    // MPX is gone: its opcodes are what they were before, nops with any operand.
    ZydisDecoderEnableMode(&made, ZYDIS_DECODER_MODE_MPX, ZYAN_FALSE);
    return made;
  }();
  return d;
}

constexpr auto make_effects() {
  std::array<Effect, ZYDIS_MNEMONIC_MAX_VALUE + 1> effects{};
#define EFFECT(mnemonic, effect) effects[ZYDIS_MNEMONIC_##mnemonic] = Effect::effect;
#include "core/translate/instructions.def"
#undef EFFECT
  return effects;
}
constexpr auto effects = make_effects();

/// The immediate of a direct transfer is relative to the next instruction.
GuestAddr relative_target(const Instruction& i) { return i.next() + static_cast<u64>(i.raw.raw.imm[0].value.s); }

void classify(Instruction& i) {
  const auto& raw = i.raw;
  i.effect = effects[raw.mnemonic];
  if (i.effect != Effect::none) {
    i.flow = Flow::effect;
    if (i.effect == Effect::xbegin) i.target = relative_target(i);
    return;
  }
  switch (raw.meta.category) {
    case ZYDIS_CATEGORY_COND_BR:
      i.target = relative_target(i);
      if (raw.opcode >= 0xe0 && raw.opcode <= 0xe3 && raw.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT) {
        i.flow = Flow::loop;
      } else {
        i.flow = Flow::branch;
        i.condition = raw.opcode & 15;
      }
      return;
    case ZYDIS_CATEGORY_UNCOND_BR:
    case ZYDIS_CATEGORY_CALL: {
      const bool call = raw.meta.category == ZYDIS_CATEGORY_CALL;
      if (raw.raw.imm[0].is_relative) {
        i.flow = call ? Flow::call : Flow::jump;
        i.target = relative_target(i);
      } else if (raw.opcode == 0xff && (raw.raw.modrm.reg == 3 || raw.raw.modrm.reg == 5)) {
        i.flow = Flow::effect;
        i.effect = Effect::far;
      } else if (raw.opcode == 0xff) {
        i.flow = call ? Flow::indirect_call : Flow::indirect_jump;
      }
      return;
    }
    case ZYDIS_CATEGORY_RET:
      if (raw.opcode == 0xc3 || raw.opcode == 0xc2) {
        i.flow = Flow::ret;
      } else {
        i.flow = Flow::effect;
        i.effect = Effect::far;
      }
      return;
    case ZYDIS_CATEGORY_STRINGOP:
    case ZYDIS_CATEGORY_IOSTRINGOP:
      i.repeated = (raw.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE)) != 0;
      return;
    default:
      return;
  }
}

}  // namespace

Decoded decode(GuestAddr pc, std::span<const u8> code, Instruction& i) {
  const auto status = ZydisDecoderDecodeInstruction(&decoder(), nullptr, code.data(), code.size(), &i.raw);
  if (status == ZYDIS_STATUS_NO_MORE_DATA) return Decoded::cut_off;
  if (!ZYAN_SUCCESS(status)) return Decoded::invalid;
  i.pc = pc;
  i.length = i.raw.length;
  i.flow = Flow::next;
  i.effect = Effect::none;
  i.rip_relative = i.repeated = false;
  const auto& modrm = i.raw.raw.modrm;
  if ((i.raw.attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0 && modrm.mod == 0 && modrm.rm == 5) {
    i.rip_relative = true;
    u64 target = i.next().value + static_cast<u64>(i.raw.raw.disp.value);
    if (i.raw.address_width == 32) target &= 0xffffffff;
    i.target = GuestAddr{target};
  }
  classify(i);
  return Decoded::instruction;
}

std::optional<Instruction> decode(GuestAddr pc, std::span<const u8> code) {
  std::optional<Instruction> i{std::in_place};
  if (decode(pc, code, *i) != Decoded::instruction) i.reset();
  return i;
}

Operands decode_operands(const Instruction& instruction, std::span<const u8> code) {
  Operands operands{};
  ZydisDecoderContext context;
  ZydisDecodedInstruction again;
  FRED_CHECK(
      ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder(), &context, code.data(), code.size(), &again)) &&
          ZYAN_SUCCESS(ZydisDecoderDecodeOperands(&decoder(), &context, &again, operands.operand, again.operand_count)),
      "operands at {:#x}", instruction.pc.value);
  operands.count = again.operand_count;
  return operands;
}

bool writes_memory(const Instruction& instruction, std::span<const u8> code) {
  if (instruction.flow == Flow::call || instruction.flow == Flow::indirect_call) return true;
  const auto operands = decode_operands(instruction, code);
  for (const auto& o : operands.all()) {
    if (o.type == ZYDIS_OPERAND_TYPE_MEMORY && o.mem.type != ZYDIS_MEMOP_TYPE_AGEN &&
        (o.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0) {
      return true;
    }
  }
  return false;
}

}  // namespace fred
