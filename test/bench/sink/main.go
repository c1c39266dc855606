// A null S3 store: it reads every body and forgets it, so that a benchmark shows what the client costs.
//
// It keeps key, size, ETag and headers. Small bodies are kept too, because clients read their own notes back; any other
// object comes back as zeros. The ETag is the client's Content-MD5 where one was sent, else the MD5 of the body: a
// client that sends no MD5 gets a true one, and pays for it with the time of this server. A CRC-32 is checked,
// conditions on ETags are honoured, signatures are not looked at.
//
//	sink -listen 127.0.0.1:0 [-delay 50ms] [-list 1000000] [-keep 1024]
//
// It prints its URL. GET /-/counters answers what was seen, POST /-/reset forgets it all. With -list, each bucket whose
// name begins with "listing" has so many keys from the start.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
)

type server struct {
	store *store
	delay time.Duration
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address; port 0 is any free one")
	delay := flag.Duration("delay", 0, "waited before each answer")
	list := flag.Int("list", 0, "keys in each bucket named listing…")
	keep := flag.Int64("keep", 1024, "bodies of so many bytes are kept")
	flag.Parse()
	// Garbage is this program's only cost that grows; the client under test is to have the processor.
	debug.SetGCPercent(800)
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	go func() {
		ended := make(chan os.Signal, 1)
		signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
		<-ended
		os.Exit(0)
	}()
	log.Fatal(http.Serve(listener, &server{newStore(*keep, *list), *delay}))
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/-/") {
		s.control(w, r)
		return
	}
	if s.delay > 0 {
		time.Sleep(s.delay)
	}
	w.Header().Set("Server", "sink")
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	bucket, escaped, _ := strings.Cut(path, "/")
	key, err := url.PathUnescape(escaped)
	if err != nil {
		fail(w, r, http.StatusBadRequest, "InvalidURI")
		return
	}
	query := r.URL.Query()
	switch {
	case bucket == "":
		s.store.count("ListBuckets")
		writeXML(w, s.store.bucketList())
	case key == "":
		s.bucket(w, r, bucket, query)
	default:
		s.object(w, r, bucket, key, query)
	}
}

func (s *server) control(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && r.URL.Path == "/-/reset" {
		s.store.reset()
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.store.counters())
}

func (s *server) bucket(w http.ResponseWriter, r *http.Request, bucket string, query url.Values) {
	switch {
	case r.Method == http.MethodPost && query.Has("delete"):
		s.store.count("DeleteObjects")
		s.deleteMany(w, r, bucket)
	case r.Method == http.MethodPut && len(query) == 0:
		s.store.count("CreateBucket")
		s.store.bucket(bucket)
	case r.Method == http.MethodHead:
		s.store.count("HeadBucket")
	case r.Method == http.MethodGet && query.Has("location"):
		s.store.count("GetBucketLocation")
		writeXML(w, location{})
	case r.Method == http.MethodGet && query.Has("uploads"):
		s.store.count("ListMultipartUploads")
		writeXML(w, uploadList{Bucket: bucket})
	case r.Method == http.MethodGet && (query.Has("list-type") || !isSubresource(query)):
		s.store.count("ListObjects")
		writeXML(w, s.store.list(bucket, query))
	default:
		// Versioning, object lock, policies and the like: not configured.
		s.store.count("Other")
		fail(w, r, http.StatusNotFound, "NoSuchConfiguration")
	}
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html: what a plain listing may ask.
func isSubresource(query url.Values) bool {
	for name := range query {
		switch name {
		case "prefix", "delimiter", "marker", "max-keys", "encoding-type":
		default:
			return true
		}
	}
	return false
}

func (s *server) object(w http.ResponseWriter, r *http.Request, bucket, key string, query url.Values) {
	upload := query.Get("uploadId")
	source := r.Header.Get("X-Amz-Copy-Source")
	switch {
	case r.Method == http.MethodPost && query.Has("uploads"):
		s.store.count("CreateMultipartUpload")
		writeXML(w, initiated{Bucket: bucket, Key: key, UploadId: s.store.begin(bucket, r.Header)})
	case r.Method == http.MethodPut && upload != "" && source != "":
		s.store.count("UploadPartCopy")
		s.copyPart(w, r, upload, query.Get("partNumber"), source)
	case r.Method == http.MethodPut && upload != "":
		s.store.count("UploadPart")
		s.putPart(w, r, upload, query.Get("partNumber"))
	case r.Method == http.MethodPost && upload != "":
		s.store.count("CompleteMultipartUpload")
		s.complete(w, r, bucket, key, upload)
	case r.Method == http.MethodDelete && upload != "":
		s.store.count("AbortMultipartUpload")
		s.store.abort(upload)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPut && source != "":
		s.store.count("CopyObject")
		s.copyObject(w, r, bucket, key, source)
	case r.Method == http.MethodPut && len(query) <= 1:
		s.store.count("PutObject")
		s.put(w, r, bucket, key)
	case r.Method == http.MethodHead:
		s.store.count("HeadObject")
		s.get(w, r, bucket, key)
	case r.Method == http.MethodGet && len(query) <= 1 && !query.Has("tagging"):
		s.store.count("GetObject")
		s.get(w, r, bucket, key)
	case r.Method == http.MethodDelete:
		s.store.count("DeleteObject")
		if !s.store.remove(bucket, key, r.Header.Get("If-Match")) {
			fail(w, r, http.StatusPreconditionFailed, "PreconditionFailed")
			return
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		s.store.count("Other")
		fail(w, r, http.StatusNotImplemented, "NotImplemented")
	}
}
