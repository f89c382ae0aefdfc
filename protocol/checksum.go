package protocol

import "hash/crc32"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checksum returns the CRC-32C of b, the checksum of Kafka's record batches and of the files that
// YAKt adds to a directory.
func Checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// ExtendChecksum returns the CRC-32C of data followed by b, where sum is that of data. The sum of
// no data is 0.
func ExtendChecksum(sum uint32, b []byte) uint32 { return crc32.Update(sum, castagnoli, b) }
