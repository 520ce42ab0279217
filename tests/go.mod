module unigornel/tests

go 1.19
