/**
 * Leaves out of an ELF file what is only for debuggers: https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html
 * As `strip` does, for either architecture and without it. What the loader maps stays, the dynamic symbols included.
 */

const MAGIC = 0x7f454c46;
const CLASS_64_LITTLE_ENDIAN = 0x0201;
const PT_LOAD = 1;
const SEGMENT_HEADER_BYTES = 56;
/** Of the file header: where the segments' and the sections' headers are, and how many. */
const AT = { class: 4, segments: 32, sections: 40, segmentCount: 56, sectionCount: 60, sectionNames: 62 };
/** Of a segment's header. */
const IN_SEGMENT = { type: 0, offset: 8, fileBytes: 32 };

/** A copy that ends where the last mapped segment does, without section headers. @throws Error when it is no ELF64 file */
export function stripSymbols(elf: Buffer): Buffer {
  if (elf.readUInt32BE(0) !== MAGIC || elf.readUInt16BE(AT.class) !== CLASS_64_LITTLE_ENDIAN) {
    throw new Error('not a 64-bit little-endian ELF file');
  }
  const segments = numberAt(elf, AT.segments);
  let end = 0;
  for (let index = 0; index < elf.readUInt16LE(AT.segmentCount); index++) {
    const header = segments + index * SEGMENT_HEADER_BYTES;
    if (elf.readUInt32LE(header + IN_SEGMENT.type) !== PT_LOAD) continue;
    end = Math.max(
      end,
      numberAt(elf, header + IN_SEGMENT.offset) + numberAt(elf, header + IN_SEGMENT.fileBytes),
    );
  }
  const stripped = Buffer.from(elf.subarray(0, end));
  stripped.writeBigUInt64LE(0n, AT.sections);
  stripped.writeUInt16LE(0, AT.sectionCount);
  stripped.writeUInt16LE(0, AT.sectionNames);
  return stripped;
}

function numberAt(elf: Buffer, offset: number): number {
  return Number(elf.readBigUInt64LE(offset));
}
