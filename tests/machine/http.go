package machine

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// Client makes a connection for every request, each of which may take so long; 0 is as long as it likes.
func Client(limit time.Duration) *http.Client {
	return &http.Client{Timeout: limit, Transport: &http.Transport{DisableKeepAlives: true}}
}

// Get fetches a page, which must be there.
func Get(url string, limit time.Duration) (string, error) {
	r, err := Client(limit).Get(url)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	if r.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s: %s", url, r.Status, text)
	}
	return string(text), nil
}
