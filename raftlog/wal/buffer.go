package wal

import "unsafe"

const (
	// blockBytes is the unit of direct writes, in the file and in memory: the size of a page and
	// the largest logical sector of today's disks.
	blockBytes = 4096
	// firstBufferBytes is the initial size of an append buffer.
	firstBufferBytes = 64 << 10
)

func wholeBlocks(n int64) int64 { return (n + blockBytes - 1) &^ (blockBytes - 1) }

// alignedBuffer makes an empty buffer in whole blocks that begins at a block's address.
func alignedBuffer(capacity int) []byte {
	n := int(wholeBlocks(int64(capacity)))
	raw := make([]byte, n+blockBytes)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(raw)))) & (blockBytes - 1)
	return raw[skip : skip : skip+n]
}

// withRoom returns b with room for n bytes more, so that appending them keeps b where it is.
func withRoom(b []byte, n int) []byte {
	if need := len(b) + n; need > cap(b) {
		b = append(alignedBuffer(max(need, cap(b)+cap(b)/2, firstBufferBytes)), b...)
	}
	return b
}

// lastBlock returns the bytes of b after its last block boundary.
func lastBlock(b []byte) []byte { return b[len(b)&^(blockBytes-1):] }

// paddedBlocks returns b with zeros up to the next block boundary, which its capacity must allow.
func paddedBlocks(b []byte) []byte {
	whole := b[:wholeBlocks(int64(len(b)))]
	clear(whole[len(b):])
	return whole
}
