// Package logs is what programs/disk writes when the power is cut, and what must be found afterwards: each of Count
// logs has a part of the disk of its own, with one record after the other. Records are no multiple of a sector, so that
// the end of one and the start of the next share one.
package logs

import (
	"encoding/binary"
	"hash/crc32"
)

const (
	Count      = 4
	Bytes      = 1 << 20 // the part of each log
	RecordSize = 700
)

// At is where record n of log g lies on the disk.
func At(g, n int) int { return g*Bytes + n*RecordSize }

// Record is record n of log g. No two seeds have one alike.
func Record(seed, g, n int) []byte {
	b := make([]byte, RecordSize)
	binary.LittleEndian.PutUint32(b, uint32(g))
	binary.LittleEndian.PutUint32(b[4:], uint32(n))
	binary.LittleEndian.PutUint32(b[8:], uint32(seed))
	for i := 12; i < RecordSize-4; i++ {
		b[i] = byte(i*7 + n*13 + g + seed*31)
	}
	binary.LittleEndian.PutUint32(b[RecordSize-4:], crc32.ChecksumIEEE(b[:RecordSize-4]))
	return b
}
