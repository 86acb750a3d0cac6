/* What an operator declares for many sites, in etcd. For a link L of the net N between A and B
 * stand under the prefix, each as a record that the operator signs:
 *
 *   site/A/want/L.0, site/B/want/L.1   what the sites are to keep (orders.h)
 *   site/A/site/B, site/B/site/A       the other site's key
 *   link/L, net/N                      for operators: a name and a net are given once
 *
 * The file, with `ends` in the order of the hosts:
 *
 *   {"sites": [{"site":"site1", "key":"<base64>"}, {"site":"site2", "key":"<base64>"}],
 *    "links": [{"link":"web-db", "net":1572871, "keepalive":25, "mtu":1380, "off":false,
 *               "ends": [{"site":"site1", "container":"podman/web", "port":51801},
 *                        {"site":"site2", "container":"podman/db"}]}]} */
#pragma once

#include "cwg/etcd/gateway/client.h"
#include "cwg/record/sitekey.h"

/* Declares all links of a file's text: none if the file is wrong, and else each in one transaction,
 * whole or not at all. What is declared under the same name, net and sites is replaced. Returns 0,
 * or -1: the `ret_links` links before the one that failed are declared, and none from there on. */
int fleet_declare(struct client *client, const struct sitekey *key, const char *text,
                  size_t *ret_links, struct failure *failure);

/* Ends a link at both sites. Its name and its net are free again. The records that end it stay in
 * etcd, and those with the sites' keys: whoever is away has to find them. Returns 0; 1 if there is
 * none of this name; or -1. */
int fleet_forget(struct client *client, const struct sitekey *key, const char *link,
                 struct failure *failure);
