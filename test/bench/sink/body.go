package main

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

var errDigest = errors.New("BadDigest")
var buffers = sync.Pool{New: func() any { return make([]byte, 256*1024) }}

// Reads the body to its end. Answers its size, its MD5 as hex (the client's, where one was sent), and the body itself
// when it has at most `keep` bytes.
func take(r *http.Request, keep int64) (size int64, etag string, body []byte, err error) {
	reader := io.Reader(r.Body)
	if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		reader = &chunked{from: bufio.NewReaderSize(r.Body, 64*1024)}
	}
	var digest hash.Hash
	etag = sentMD5(r)
	if etag == "" {
		digest = md5.New()
	}
	sum := uint32(0)
	buffer := buffers.Get().([]byte)
	defer buffers.Put(buffer)
	for {
		n, readErr := reader.Read(buffer)
		if digest != nil {
			digest.Write(buffer[:n])
		}
		sum = crc32.Update(sum, crc32.IEEETable, buffer[:n])
		if size <= keep {
			body = append(body, buffer[:n]...)
		}
		size += int64(n)
		if readErr == io.EOF {
			break
		}
		if readErr != nil {
			return 0, "", nil, readErr
		}
	}
	if size > keep {
		body = nil
	}
	if digest != nil {
		etag = hex.EncodeToString(digest.Sum(nil))
	}
	if sent := r.Header.Get("X-Amz-Checksum-Crc32"); sent != "" {
		if sent != base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum)) {
			return 0, "", nil, errDigest
		}
	}
	return size, etag, body, nil
}

func sentMD5(r *http.Request) string {
	raw, err := base64.StdEncoding.DecodeString(r.Header.Get("Content-Md5"))
	if err != nil || len(raw) != md5.Size {
		return ""
	}
	return hex.EncodeToString(raw)
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html: `size;chunk-signature=…` before each chunk.
type chunked struct {
	from *bufio.Reader
	left int64
	done bool
}

func (c *chunked) Read(p []byte) (int, error) {
	if c.done {
		return 0, io.EOF
	}
	if c.left == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
		if c.done {
			// What follows are trailers, such as a checksum.
			_, err := io.Copy(io.Discard, c.from)
			if err != nil {
				return 0, err
			}
			return 0, io.EOF
		}
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.from.Read(p)
	c.left -= int64(n)
	if err == nil && c.left == 0 {
		_, err = c.from.Discard(len("\r\n"))
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (c *chunked) next() error {
	line, err := c.from.ReadSlice('\n')
	if err != nil {
		return io.ErrUnexpectedEOF
	}
	digits, _, _ := bytes.Cut(bytes.TrimSpace(line), []byte(";"))
	c.left, err = strconv.ParseInt(string(digits), 16, 64)
	c.done = c.left == 0
	return err
}
