#include "vfs/etcfiles.h"
#include "cmdline.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "vfs/path.h"
#include "vfs/tree.h"

static const struct {
	const char *path, *text;
} files[] = {
    {"/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
		    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
    {"/etc/group", "root:x:0:\nnogroup:x:65534:\n"},
    {"/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"
			   "networks: files\nprotocols: files\nservices: files\n"},
    {"/etc/protocols", "ip 0 IP\nicmp 1 ICMP\nigmp 2 IGMP\ntcp 6 TCP\nudp 17 UDP\n"
		       "ipv6 41 IPv6\nipv6-icmp 58 IPv6-ICMP\nsctp 132 SCTP\n"
		       "udplite 136 UDPLite\n"},
    {"/etc/services", "tcpmux 1/tcp\necho 7/tcp\necho 7/udp\ndiscard 9/tcp sink null\n"
		      "discard 9/udp sink null\ndaytime 13/tcp\nftp-data 20/tcp\nftp 21/tcp\n"
		      "ssh 22/tcp\ntelnet 23/tcp\nsmtp 25/tcp mail\ntime 37/tcp\n"
		      "time 37/udp\nwhois 43/tcp\ndomain 53/tcp\ndomain 53/udp\n"
		      "bootps 67/udp\nbootpc 68/udp\ntftp 69/udp\ngopher 70/tcp\n"
		      "finger 79/tcp\nhttp 80/tcp www\nkerberos 88/tcp kerberos5 krb5\n"
		      "kerberos 88/udp kerberos5 krb5\npop3 110/tcp pop-3\nsunrpc 111/tcp\n"
		      "sunrpc 111/udp\nauth 113/tcp\nnntp 119/tcp\nntp 123/udp\n"
		      "imap2 143/tcp imap\nsnmp 161/tcp\nsnmp 161/udp\nbgp 179/tcp\n"
		      "ldap 389/tcp\nldap 389/udp\nhttps 443/tcp\nhttps 443/udp\n"
		      "submissions 465/tcp ssmtp\nsyslog 514/udp\nsubmission 587/tcp\n"
		      "ldaps 636/tcp\ndomain-s 853/tcp\nimaps 993/tcp\npop3s 995/tcp\n"
		      "socks 1080/tcp\nmysql 3306/tcp\npostgresql 5432/tcp\nsip 5060/tcp\n"
		      "sip 5060/udp\nmdns 5353/udp\nredis 6379/tcp\nhttp-alt 8080/tcp\n"},
    {"/etc/mime.types", "application/gzip\tgz\napplication/javascript\tjs mjs\n"
			"application/json\tjson\napplication/pdf\tpdf\n"
			"application/wasm\twasm\napplication/xml\txml\n"
			"application/zip\tzip\naudio/mpeg\tmp3\nimage/gif\tgif\n"
			"image/jpeg\tjpeg jpg\nimage/png\tpng\nimage/svg+xml\tsvg\n"
			"image/webp\twebp\ntext/css\tcss\ntext/csv\tcsv\n"
			"text/html\thtml htm\ntext/plain\ttxt text\nvideo/mp4\tmp4\n"},
};

/* Files whose content follows the network; inode is NULL where the image has its own. */
static struct {
	const char *path;
	struct inode *inode;
} changing[] = {{"/etc/resolv.conf", NULL}, {"/etc/hostname", NULL}, {"/etc/hosts", NULL}};

bool etcfiles_replace(const char *path, const char *text, size_t n)
{
	for (size_t i = 0; i < sizeof changing / sizeof changing[0]; i++) {
		struct inode *inode = changing[i].inode;
		struct uio u;
		uint64_t pos = 0;

		if (!inode || strcmp(changing[i].path, path) != 0)
			continue;
		/* Written over before it is cut: at no moment is it empty. */
		uio_init_kernel(&u, (void *)(uintptr_t)text, n);
		if (n && filedata_write(&inode->data, &u, &pos, false, FILE_MAX_SIZE) != (long)n)
			return false;
		filedata_truncate(&inode->data, n);
		inode_touch_mtime(inode);
		return true;
	}
	return false;
}

void etcfiles_hostname(void)
{
	char text[2 * 65 + 128];
	const char *name = cmdline.hostname;
	int n = ksnprintf(text, sizeof text, "%s\n", name);

	etcfiles_replace("/etc/hostname", text, (size_t)n);
	n = ksnprintf(text, sizeof text,
		      "127.0.0.1\tlocalhost\n127.0.1.1\t%s\n"
		      "::1\tlocalhost ip6-localhost ip6-loopback\n",
		      name);
	etcfiles_replace("/etc/hosts", text, (size_t)n);
}

/* A symbolic link that leads nowhere is no file: systemd's resolv.conf, where a host's /etc was
 * packed. */
static void remove_dangling(const char *path)
{
	struct dentry *etc = path_lookup_kernel("/etc"), *d;

	if (!etc)
		return;
	spin_lock(&tree_lock);
	d = inode_is(etc->inode, S_IFDIR) ? dir_lookup(etc, strrchr(path, '/') + 1) : NULL;
	if (d)
		dir_remove(d);
	spin_unlock(&tree_lock);
	if (d)
		dentry_put(d);
	dentry_put(etc);
}

static void add_changing(void)
{
	for (size_t i = 0; i < sizeof changing / sizeof changing[0]; i++) {
		struct dentry *d = path_lookup_kernel(changing[i].path);
		if (d) {
			dentry_put(d);
			continue;
		}
		remove_dangling(changing[i].path);
		changing[i].inode =
		    inode_get(tree_add(&super_tmpfs, changing[i].path, S_IFREG | 0644));
	}
}

void etcfiles_init(void)
{
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		tree_default_file(files[i].path, files[i].text);
	add_changing();
	etcfiles_hostname();
}
