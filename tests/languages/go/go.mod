module memcached2.example/first

go 1.19
