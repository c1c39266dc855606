package main

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

func (s *server) put(w http.ResponseWriter, r *http.Request, bucket, key string) {
	size, etag, body, err := take(r, s.store.keep)
	if refused(w, r, err) {
		return
	}
	made := &object{size, etag, time.Now(), kept(r.Header), body}
	if !s.store.set(bucket, key, made, r.Header.Get("If-Match"), r.Header.Get("If-None-Match")) {
		fail(w, r, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	w.Header().Set("ETag", `"`+etag+`"`)
	if sum := r.Header.Get("X-Amz-Checksum-Crc32"); sum != "" {
		w.Header().Set("X-Amz-Checksum-Crc32", sum)
	}
}

func (s *server) putPart(w http.ResponseWriter, r *http.Request, upload, number string) {
	size, etag, _, err := take(r, 0)
	if refused(w, r, err) {
		return
	}
	at, err := strconv.Atoi(number)
	if err != nil || !s.store.setPart(upload, at, part{size, etag}) {
		fail(w, r, http.StatusNotFound, "NoSuchUpload")
		return
	}
	w.Header().Set("ETag", `"`+etag+`"`)
	if sum := r.Header.Get("X-Amz-Checksum-Crc32"); sum != "" {
		w.Header().Set("X-Amz-Checksum-Crc32", sum)
	}
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html: the MD5 of the parts' MD5s.
func (s *server) complete(w http.ResponseWriter, r *http.Request, bucket, key, upload string) {
	var wanted struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	if err := xml.NewDecoder(r.Body).Decode(&wanted); refused(w, r, err) {
		return
	}
	made, ok := s.store.assemble(upload, func(parts map[int]part) (size int64, etag string, ok bool) {
		digest := md5.New()
		for _, one := range wanted.Part {
			found, there := parts[one.PartNumber]
			raw, err := hex.DecodeString(found.etag)
			if !there || err != nil || strings.Trim(one.ETag, `"`) != found.etag {
				return 0, "", false
			}
			digest.Write(raw)
			size += found.size
		}
		return size, fmt.Sprintf("%x-%d", digest.Sum(nil), len(wanted.Part)), true
	})
	if !ok {
		fail(w, r, http.StatusBadRequest, "InvalidPart")
		return
	}
	if !s.store.set(bucket, key, made, r.Header.Get("If-Match"), r.Header.Get("If-None-Match")) {
		fail(w, r, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	writeXML(w, completed{Bucket: bucket, Key: key, ETag: `"` + made.etag + `"`})
}

func (s *store) assemble(id string, sum func(map[int]part) (int64, string, bool)) (*object, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	one := s.uploads[id]
	if one == nil {
		return nil, false
	}
	size, etag, ok := sum(one.parts)
	if ok {
		delete(s.uploads, id)
	}
	return &object{size: size, etag: etag, modified: time.Now(), header: one.header}, ok
}

func (s *server) get(w http.ResponseWriter, r *http.Request, bucket, key string) {
	found := s.store.find(bucket, key)
	if found == nil {
		fail(w, r, http.StatusNotFound, "NoSuchKey")
		return
	}
	if condition := r.Header.Get("If-Match"); condition != "" && !matches(condition, found) {
		fail(w, r, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	for name, values := range found.header {
		w.Header()[name] = values
	}
	w.Header().Set("ETag", `"`+found.etag+`"`)
	http.ServeContent(w, r, "", found.modified.Truncate(time.Second), found.content())
}

func (s *server) copyObject(w http.ResponseWriter, r *http.Request, bucket, key, source string) {
	found := s.source(source)
	if found == nil {
		fail(w, r, http.StatusNotFound, "NoSuchKey")
		return
	}
	made := *found
	made.modified = time.Now()
	if r.Header.Get("X-Amz-Metadata-Directive") == "REPLACE" {
		made.header = kept(r.Header)
	}
	s.store.set(bucket, key, &made, "", "")
	writeXML(w, copied{XMLName: xml.Name{Local: "CopyObjectResult"}, ETag: `"` + made.etag + `"`, LastModified: iso(made.modified)})
}

func (s *server) copyPart(w http.ResponseWriter, r *http.Request, upload, number, source string) {
	found := s.source(source)
	var first, last int64
	_, err := fmt.Sscanf(r.Header.Get("X-Amz-Copy-Source-Range"), "bytes=%d-%d", &first, &last)
	at, numberErr := strconv.Atoi(number)
	if found == nil || errors.Join(err, numberErr) != nil {
		fail(w, r, http.StatusNotFound, "NoSuchKey")
		return
	}
	// Nobody knows the MD5 of a part of what was forgotten: it is told from size and place.
	etag := fmt.Sprintf("%x", md5.Sum(fmt.Append(nil, found.etag, first, last)))
	if !s.store.setPart(upload, at, part{last - first + 1, etag}) {
		fail(w, r, http.StatusNotFound, "NoSuchUpload")
		return
	}
	writeXML(w, copied{XMLName: xml.Name{Local: "CopyPartResult"}, ETag: `"` + etag + `"`, LastModified: iso(time.Now())})
}

func (s *server) source(header string) *object {
	path, _, _ := strings.Cut(strings.TrimPrefix(header, "/"), "?")
	bucket, escaped, _ := strings.Cut(path, "/")
	key, err := url.PathUnescape(escaped)
	if err != nil {
		return nil
	}
	return s.store.find(bucket, key)
}

func (s *server) deleteMany(w http.ResponseWriter, r *http.Request, bucket string) {
	var wanted struct {
		Object []struct{ Key string }
	}
	if err := xml.NewDecoder(r.Body).Decode(&wanted); refused(w, r, err) {
		return
	}
	for _, one := range wanted.Object {
		s.store.remove(bucket, one.Key, "")
	}
	writeXML(w, deleted{Deleted: wanted.Object})
}

func (o *object) content() io.ReadSeeker {
	if o.body != nil {
		return strings.NewReader(string(o.body))
	}
	return io.NewSectionReader(zeros{}, 0, o.size)
}

type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

func refused(w http.ResponseWriter, r *http.Request, err error) bool {
	if err == nil {
		return false
	}
	code := "IncompleteBody"
	if errors.Is(err, errDigest) {
		code = errDigest.Error()
	}
	fail(w, r, http.StatusBadRequest, code)
	return true
}
