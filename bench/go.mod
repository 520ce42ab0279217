module unigornel/bench

go 1.19
