package main

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

type location struct {
	XMLName xml.Name `xml:"LocationConstraint"`
}

type uploadList struct {
	XMLName xml.Name `xml:"ListMultipartUploadsResult"`
	Bucket  string
}

type bucketNames struct {
	XMLName xml.Name `xml:"ListAllMyBucketsResult"`
	Buckets struct{ Bucket []bucketName }
}

type bucketName struct{ Name, CreationDate string }

type initiated struct {
	XMLName               xml.Name `xml:"InitiateMultipartUploadResult"`
	Bucket, Key, UploadId string
}

type completed struct {
	XMLName           xml.Name `xml:"CompleteMultipartUploadResult"`
	Bucket, Key, ETag string
}

type copied struct {
	XMLName            xml.Name
	ETag, LastModified string
}

type deleted struct {
	XMLName xml.Name `xml:"DeleteResult"`
	Deleted []struct{ Key string }
}

type failure struct {
	XMLName       xml.Name `xml:"Error"`
	Code, Message string
}

type listing struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	Name, Prefix          string
	Delimiter             string `xml:",omitempty"`
	EncodingType          string `xml:",omitempty"`
	KeyCount, MaxKeys     int
	IsTruncated           bool
	NextContinuationToken string `xml:",omitempty"`
	NextMarker            string `xml:",omitempty"`
	Contents              []entry
	CommonPrefixes        []prefixEntry
}

type entry struct {
	Key, LastModified, ETag string
	Size                    int64
	StorageClass            string
}

type prefixEntry struct{ Prefix string }

func (s *store) bucketList() bucketNames {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	var all bucketNames
	for name := range s.buckets {
		all.Buckets.Bucket = append(all.Buckets.Bucket, bucketName{name, iso(time.Unix(0, 0))})
	}
	return all
}

// Versions 1 and 2. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
func (s *store) list(name string, query url.Values) listing {
	prefix, delimiter := query.Get("prefix"), query.Get("delimiter")
	after := max(query.Get("marker"), query.Get("start-after"), query.Get("continuation-token"))
	encode := func(text string) string { return text }
	if query.Get("encoding-type") == "url" {
		encode = func(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "%2F", "/") }
	}
	size := 1000
	if asked, err := strconv.Atoi(query.Get("max-keys")); err == nil {
		size = min(size, asked)
	}
	page := listing{Name: name, Prefix: encode(prefix), Delimiter: encode(delimiter), EncodingType: query.Get("encoding-type"), MaxKeys: size}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	b := s.lockedBucket(name)
	last := ""
	for at := b.start(prefix, after); at < len(b.sorted); {
		key := b.sorted[at]
		if !strings.HasPrefix(key, prefix) {
			break
		}
		if page.KeyCount == size {
			page.IsTruncated, page.NextContinuationToken, page.NextMarker = true, last, encode(last)
			break
		}
		page.KeyCount++
		if cut := strings.Index(key[len(prefix):], delimiter); delimiter != "" && cut >= 0 {
			last = key[:len(prefix)+cut+len(delimiter)]
			page.CommonPrefixes = append(page.CommonPrefixes, prefixEntry{encode(last)})
			at = sort.SearchStrings(b.sorted, last+"\xff")
			continue
		}
		last = key
		o := b.objects[key]
		page.Contents = append(page.Contents, entry{encode(key), iso(o.modified), `"` + o.etag + `"`, o.size, "STANDARD"})
		at++
	}
	return page
}

// The first key with the prefix that comes after the other; a common prefix is passed with all that is below it.
func (b *bucket) start(prefix, after string) int {
	if b.sorted == nil {
		b.sorted = make([]string, 0, len(b.objects))
		for key := range b.objects {
			b.sorted = append(b.sorted, key)
		}
		slices.Sort(b.sorted)
	}
	if after < prefix {
		return sort.SearchStrings(b.sorted, prefix)
	}
	if strings.HasSuffix(after, "/") {
		after += "\xff"
	}
	return sort.Search(len(b.sorted), func(at int) bool { return b.sorted[at] > after })
}

func iso(when time.Time) string {
	return when.UTC().Format("2006-01-02T15:04:05.000Z")
}

func writeXML(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/xml")
	body, err := xml.Marshal(value)
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(append([]byte(xml.Header), body...))
}

// A HEAD has no body, but its status says what is meant.
func fail(w http.ResponseWriter, r *http.Request, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	body, err := xml.Marshal(failure{Code: code, Message: code})
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(body)
}
