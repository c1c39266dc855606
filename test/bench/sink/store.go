package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// What the client wrote about its own work is no object of the benchmark.
const notes = ".sluice/"

type object struct {
	size     int64
	etag     string
	modified time.Time
	header   http.Header
	// Of small objects only.
	body []byte
}

type bucket struct {
	objects map[string]*object
	// In the order of UTF-8 bytes; nil when a key came or went since.
	sorted []string
	count  int
	bytes  int64
}

type upload struct {
	header http.Header
	parts  map[int]part
}

type part struct {
	size int64
	etag string
}

type store struct {
	mutex    sync.RWMutex
	buckets  map[string]*bucket
	uploads  map[string]*upload
	requests map[string]int64
	// Bodies up to this size are kept.
	keep      int64
	listed    int
	listing   []string
	nextLabel int
}

func newStore(keep int64, listed int) *store {
	s := &store{keep: keep, listed: listed}
	for index := range listed {
		s.listing = append(s.listing, fmt.Sprintf("output/%09d.dat", index))
	}
	s.reset()
	return s
}

func (s *store) reset() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.buckets, s.uploads, s.requests = map[string]*bucket{}, map[string]*upload{}, map[string]int64{}
}

func (s *store) count(kind string) {
	s.mutex.Lock()
	s.requests[kind]++
	s.mutex.Unlock()
}

type bucketCount struct {
	Objects int   `json:"objects"`
	Bytes   int64 `json:"bytes"`
}

type counters struct {
	Requests map[string]int64       `json:"requests"`
	Buckets  map[string]bucketCount `json:"buckets"`
}

func (s *store) counters() counters {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	all := counters{map[string]int64{}, map[string]bucketCount{}}
	for kind, count := range s.requests {
		all.Requests[kind] = count
	}
	for name, one := range s.buckets {
		all.Buckets[name] = bucketCount{one.count, one.bytes}
	}
	return all
}

// Buckets come into being when they are first spoken of.
func (s *store) bucket(name string) *bucket {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.lockedBucket(name)
}

func (s *store) lockedBucket(name string) *bucket {
	known := s.buckets[name]
	if known == nil {
		known = &bucket{objects: map[string]*object{}}
		if strings.HasPrefix(name, "listing") {
			s.fill(known)
		}
		s.buckets[name] = known
	}
	return known
}

func (s *store) fill(b *bucket) {
	same := &object{size: 4096, etag: "d41d8cd98f00b204e9800998ecf8427e", modified: time.Unix(1_700_000_000, 0), header: http.Header{}}
	b.objects = make(map[string]*object, s.listed)
	for _, key := range s.listing {
		b.objects[key] = same
	}
	b.sorted, b.count, b.bytes = slices.Clone(s.listing), s.listed, same.size*int64(s.listed)
}

func (s *store) find(bucketName, key string) *object {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	if b := s.buckets[bucketName]; b != nil {
		return b.objects[key]
	}
	return nil
}

// Answers false when the condition does not hold: If-Match with an ETag, If-None-Match with *.
func (s *store) set(bucketName, key string, o *object, ifMatch, ifNoneMatch string) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	b := s.lockedBucket(bucketName)
	old := b.objects[key]
	if (ifNoneMatch == "*" && old != nil) || (ifMatch != "" && (old == nil || !matches(ifMatch, old))) {
		return false
	}
	b.note(key, old, -1)
	b.note(key, o, 1)
	if old == nil {
		b.sorted = nil
	}
	b.objects[key] = o
	return true
}

func (s *store) remove(bucketName, key, ifMatch string) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	b := s.lockedBucket(bucketName)
	old := b.objects[key]
	if old != nil && ifMatch != "" && !matches(ifMatch, old) {
		return false
	}
	if old != nil {
		b.note(key, old, -1)
		b.sorted = nil
		delete(b.objects, key)
	}
	return true
}

func (b *bucket) note(key string, o *object, sign int) {
	if o == nil || strings.Contains(key, notes) {
		return
	}
	b.count += sign
	b.bytes += int64(sign) * o.size
}

func matches(condition string, o *object) bool {
	return strings.Trim(condition, `"`) == o.etag
}

func (s *store) begin(bucketName string, header http.Header) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.nextLabel++
	id := fmt.Sprintf("upload-%d", s.nextLabel)
	s.uploads[id] = &upload{kept(header), map[int]part{}}
	return id
}

func (s *store) setPart(id string, number int, p part) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	one := s.uploads[id]
	if one == nil {
		return false
	}
	one.parts[number] = p
	return true
}

func (s *store) abort(id string) {
	s.mutex.Lock()
	delete(s.uploads, id)
	s.mutex.Unlock()
}

// What a GET gives back.
func kept(header http.Header) http.Header {
	some := http.Header{}
	for name, values := range header {
		if name == "Content-Type" || name == "Cache-Control" || strings.HasPrefix(name, "X-Amz-Meta-") {
			some[name] = values
		}
	}
	return some
}
