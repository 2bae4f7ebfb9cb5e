# PostgreSQL's official image with reco in it. CREATE EXTENSION reco; is all that is left to do; nothing is preloaded.
#
#   docker build -t reco .                    PostgreSQL 17; --build-arg PG_MAJOR=16 for another
ARG PG_MAJOR=17
FROM postgres:${PG_MAJOR}-bookworm
ARG PG_MAJOR
COPY . /tmp/reco
RUN apt-get update \
	&& apt-get install -y --no-install-recommends gcc make libc6-dev "postgresql-server-dev-$PG_MAJOR" libopenblas0-serial libopenblas-serial-dev \
	&& make -C /tmp/reco BUILD=/tmp/build all install \
	&& apt-get purge -y gcc make libc6-dev "postgresql-server-dev-$PG_MAJOR" libopenblas-serial-dev \
	&& apt-get autoremove -y \
	&& rm -rf /tmp/reco /tmp/build /var/lib/apt/lists/*
