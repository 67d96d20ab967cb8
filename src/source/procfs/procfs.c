// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/procfs/procfs.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
uint32_t procfs_netns(pid_t pid){char p[64];struct stat s;snprintf(p,sizeof p,"/proc/%d/ns/net",pid);return stat(p,&s)==0?(uint32_t)s.st_ino:0;}
static long status_field(pid_t pid,const char *name){char p[64],line[256];long v=-1;FILE *f;snprintf(p,sizeof p,"/proc/%d/status",pid);f=fopen(p,"re");if(!f)return -1;while(fgets(line,sizeof line,f))if(strncmp(line,name,strlen(name))==0)v=strtol(line+strlen(name),NULL,10);fclose(f);return v;}
pid_t procfs_thread_group(pid_t tid){return (pid_t)status_field(tid,"Tgid:");}
bool procfs_is_ancestor(pid_t pid){for(pid_t p=getpid();p>0;p=(pid_t)status_field(p,"PPid:"))if(p==pid)return true;return false;}
void procfs_sockets(pid_t pid, void (*cb)(void *,int,uint32_t), void *c){char p[64],l[512],t[64];snprintf(p,sizeof p,"/proc/%d/fd",pid);DIR *d=opendir(p);struct dirent *e;if(!d)return;while((e=readdir(d))){snprintf(l,sizeof l,"%s/%s",p,e->d_name);ssize_t n=readlink(l,t,sizeof t-1);if(n<=0)continue;t[n]=0;if(strncmp(t,"socket:[",8)==0)cb(c,atoi(e->d_name),(uint32_t)strtoul(t+8,NULL,10));}closedir(d);}
void procfs_why_not_attachable(pid_t pid,int error,char *text,size_t size){snprintf(text,size,"cannot attach to PID %d: %s",pid,strerror(error));}
void procfs_process_events(pid_t pid,int64_t t,void (*sink)(void *,const struct event *),void *c){char p[64],b[256];FILE *f;snprintf(p,sizeof p,"/proc/%d/comm",pid);f=fopen(p,"re");struct event e=event_new(EVENT_PROCESS,ORIGIN_CALLS,t);e.process.pid=pid;e.process.uid=(uint32_t)status_field(pid,"Uid:");if(f){if(fgets(b,sizeof b,f)){b[strcspn(b,"\n")]=0;e.process.length=(uint8_t)strlen(b);memcpy(e.process.text,b,strlen(b));sink(c,&e);}fclose(f);}
snprintf(p,sizeof p,"/proc/%d/exe",pid);ssize_t n=readlink(p,b,120);if(n>0){e.process.fact=PROCESS_EXE;e.process.length=(uint8_t)n;memcpy(e.process.text,b,(size_t)n);sink(c,&e);}}
